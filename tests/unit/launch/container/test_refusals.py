"""Every refusal that is known, in the words of those who refuse, and the row that it belongs to."""

from pathlib import Path

import pytest

from nobs.errors import BackendMissing, EngineError
from nobs.launch.container.devices import explain_refusal, find_refusal
from nobs.launch.container.refusals import REFUSALS, UNKNOWN
from nobs.launch.engine.info import EngineInfo

_RUNC = (
    "failed to create task for container: failed to create shim task: OCI runtime create failed: "
    "runc create failed: unable to start container process: error during container init: "
)
_OLD_RUNC = (
    "OCI runtime create failed: container_linux.go:380: starting container process caused: "
    "process_linux.go:545: container init caused: "
)
_HOOK = (
    f"{_RUNC}error running hook #0: error running hook: exit status 1, stdout: , stderr: "
    "Auto-detected mode as 'legacy'\n"
)
_PRESTART = f"{_RUNC}error running prestart hook #0: exit status 1, stdout: , stderr: "
_OLD_HOOK = f"{_OLD_RUNC}Running hook #0:: error running hook: exit status 1, stdout: , stderr: "
_CLI = "nvidia-container-cli: "
_LIBRARY = "/usr/lib/x86_64-linux-gnu/libEGL_nvidia.so.580.82.07"

# (row, text); most are of public reports, such as NVIDIA/nvidia-container-toolkit's issues 139,
# 155, 289, 394, 434, 450, 678 and 885, docker/for-win#9204 and canonical/docker-snap#188.
SAMPLES = [
    (
        "driver too old",
        (
            f"{_HOOK}{_CLI}requirement error: unsatisfied condition: cuda>=12.6, "
            "please update your driver to a newer version, or use an earlier cuda container: unknown"
        ),
    ),
    (
        "driver too old",
        (f"{_OLD_HOOK}{_CLI}requirement error: unsatisfied condition: brand = tesla: unknown"),
    ),
    (
        "no adapter in WSL",
        (
            f"{_HOOK}{_CLI}initialization error: WSL environment detected but no "
            "adapters were found: unknown"
        ),
    ),
    (
        "device cgroup closed to the hook",
        (
            f"{_HOOK}{_CLI}mount error: failed to add device rules: "
            "unable to find any existing device filters attached to the cgroup: "
            "bpf_prog_query(BPF_CGROUP_DEVICE) failed: operation not permitted: unknown"
        ),
    ),
    (
        "device cgroup closed to the hook",
        (
            f"{_HOOK}{_CLI}mount error: failed to add device rules: "
            "unable to generate new device filter program from existing programs: unable to create new "
            "device filters program: load program: invalid argument: unknown"
        ),
    ),
    (
        "device cgroup closed to the hook",
        (f"{_OLD_HOOK}{_CLI}container error: cgroup subsystem devices not found: unknown"),
    ),
    (
        "device cgroup closed to the hook",
        (
            f"{_OLD_HOOK}{_CLI}mount error: open failed: "
            "/sys/fs/cgroup/devices/user.slice/devices.allow: permission denied: unknown"
        ),
    ),
    (
        "hook called directly",
        (
            f"{_PRESTART}Auto-detected mode as 'csv'\ninvoking the NVIDIA "
            "Container Runtime Hook directly (e.g. specifying the docker --gpus flag) is not supported. "
            "Please use the NVIDIA Container Runtime (e.g. specify the --runtime=nvidia flag) instead.: "
            "unknown"
        ),
    ),
    (
        "hook called directly",
        (
            f"{_PRESTART}Using requested mode 'cdi'\ninvoking the NVIDIA "
            "Container Runtime Hook directly (e.g. specifying the docker --gpus flag) is not supported."
        ),
    ),
    (
        "driver and library differ",
        (
            f"{_HOOK}{_CLI}initialization error: nvml error: driver/library "
            "version mismatch: unknown"
        ),
    ),
    (
        "driver not loaded",
        (f"{_HOOK}{_CLI}initialization error: nvml error: driver not loaded: unknown"),
    ),
    (
        "driver not loaded",
        (
            f"{_OLD_HOOK}{_CLI}initialization error: driver error: failed to process "
            "request: unknown"
        ),
    ),
    (
        "driver's libraries not found",
        (
            f"{_HOOK}{_CLI}initialization error: load library failed: "
            "libnvidia-ml.so.1: cannot open shared object file: no such file or directory: unknown"
        ),
    ),
    (
        "driver's libraries not found",
        (
            f"{_PRESTART}Auto-detected mode as 'nvml'\nfailed to "
            "initialize NVML: ERROR_LIBRARY_NOT_FOUND: unknown"
        ),
    ),
    ("GPU that isn't there", f"{_HOOK}{_CLI}device error: 3: unknown device: unknown"),
    ("GPU that isn't there", f"{_OLD_HOOK}{_CLI}device error: unknown device id: GPU-abc: unknown"),
    (
        "GPU closed to the toolkit",
        (f"{_HOOK}{_CLI}initialization error: nvml error: insufficient permissions: unknown"),
    ),
    (
        "GPU closed to the toolkit",
        (
            f"{_HOOK}{_CLI}mount error: mount operation failed: "
            "/dev/nvidiactl: permission denied: unknown"
        ),
    ),
    (
        "toolkit's ldconfig",
        (
            f"{_OLD_HOOK}{_CLI}ldcache error: process /sbin/ldconfig.real failed "
            "with error code: 1: unknown"
        ),
    ),
    (
        "toolkit's ldconfig",
        (
            f"{_HOOK}{_CLI}ldcache error: open failed: /sbin/ldconfig.real: no such "
            "file or directory: unknown"
        ),
    ),
    ("AMD's CDI devices", "CDI device injection failed: unresolvable CDI devices amd.com/gpu=all"),
    ("no CDI device", "CDI device injection failed: unresolvable CDI devices nvidia.com/gpu=all"),
    (
        "no CDI device",
        (
            "failed to create task for container: failed to create shim task: OCI runtime "
            "create failed: could not apply required modification to OCI specification: error modifying "
            "OCI spec: failed to inject CDI devices: unresolvable CDI devices nvidia.com/gpu=all: unknown"
        ),
    ),
    ("no CDI device", "setting up CDI devices: unresolvable CDI devices nvidia.com/gpu=0"),
    (
        "device file of CDI gone",
        (
            "setting up CDI devices: failed to inject devices: failed to stat "
            'CDI host device "/dev/dri/renderD129": no such file or directory'
        ),
    ),
    (
        "toolkit's program missing",
        (
            f"{_RUNC}error running hook #0: fork/exec "
            "/usr/bin/nvidia-container-runtime-hook: no such file or directory: unknown"
        ),
    ),
    (
        "toolkit's program missing",
        ('exec: "nvidia-container-runtime-hook": executable file not found in $PATH: unknown'),
    ),
    (
        "toolkit's program missing",
        (
            f"{_RUNC}error running createContainer hook #0: fork/exec "
            "/usr/bin/nvidia-cdi-hook: no such file or directory: unknown"
        ),
    ),
    (
        "toolkit's program missing",
        (
            "failed to create shim task: OCI runtime create failed: unable "
            "to retrieve OCI runtime error: fork/exec /usr/bin/nvidia-container-runtime: no such file or "
            "directory: unknown"
        ),
    ),
    (
        "stale CDI file",
        (
            f'{_RUNC}error mounting "{_LIBRARY}" to rootfs at "{_LIBRARY}": open: no '
            "such file or directory: unknown"
        ),
    ),
    (
        "stale CDI file",
        (
            f"{_RUNC}failed to fulfil mount request: open "
            "/usr/lib/libnvidia-gtk3.so.610.43.03: no such file or directory"
        ),
    ),
    (
        "stale CDI file",
        (
            f"crun: cannot stat `{_LIBRARY}`: No such file or directory: OCI runtime "
            "attempted to invoke a command that was not found"
        ),
    ),
    (
        "stale CDI file",
        (
            f"{_RUNC}failed to fulfil mount request: open "
            "/lib/firmware/nvidia/580.82.07/gsp_ga10x.bin: no such file or directory"
        ),
    ),
    (
        "stale CDI file",
        (
            f'{_RUNC}error mounting "/run/nvidia-persistenced/socket" to rootfs at '
            '"/run/nvidia-persistenced/socket": stat /run/nvidia-persistenced/socket: no such file or '
            "directory: unknown"
        ),
    ),
    (
        "stale CDI file",
        (
            f"{_RUNC}failed to fulfil mount request: open "
            "/usr/lib64/libcuda.so.550.54.14: no such file or directory"
        ),
    ),
    (
        "stale CDI file",
        (
            f"{_RUNC}failed to fulfil mount request: open "
            "/usr/lib/x86_64-linux-gnu/libnvcuvid.so.550.54.14: no such file or directory"
        ),
    ),
    (
        "toolkit's configuration",
        (
            "failed to create shim task: OCI runtime create failed: unable to "
            "retrieve OCI runtime error: time=x level=error msg=failed to create NVIDIA Container "
            "Runtime: error constructing low-level runtime: unknown"
        ),
    ),
    ("driver", f"{_OLD_HOOK}{_CLI}initialization error: cuda error: unknown error: unknown"),
    ("driver", f"{_OLD_HOOK}{_CLI}detection error: nvml error: unknown error: unknown"),
    ("no runtime", 'could not select device driver "" with capabilities: [[gpu]]'),
    ("no runtime", 'could not select device driver "nvidia" with capabilities: [[gpu]]'),
    ("no runtime", 'could not select device driver "cdi" with capabilities: []'),
    ("no runtime", "Unknown runtime specified nvidia"),
    ("no runtime", "unknown or invalid runtime name: nvidia"),
    (
        "device file closed",
        (
            "error gathering device information while adding custom device "
            '"/dev/kfd": permission denied'
        ),
    ),
    ("device file closed", "crun: open `/dev/kfd`: Operation not permitted: OCI permission denied"),
    (
        "no device file",
        (
            'error gathering device information while adding custom device "/dev/kfd": '
            "no such file or directory"
        ),
    ),
    ("no device file", "stat /dev/kfd: no such file or directory"),
    ("no image", "No such image: nobs:cpu-123"),
    ("no image", "nobs:cpu-123: image not known"),
    ("no init program", 'exec: "docker-init": executable file not found in $PATH'),
    (
        "no init program",
        (
            "container-init binary not found on the host: stat "
            "/usr/libexec/podman/catatonit: no such file or directory"
        ),
    ),
    ("broken image", f'{_RUNC}exec: "python": executable file not found in $PATH: unknown'),
    (
        "broken image",
        (
            f'{_RUNC}exec: "/opt/venv/bin/python": stat /opt/venv/bin/python: no such '
            "file or directory: unknown"
        ),
    ),
    ("broken image", "exec /opt/venv/bin/python: exec format error"),
    ("disk full", "mkdir /var/lib/docker/overlay2/x: no space left on device"),
    ("name taken", 'Conflict. The container name "/nobs-1" is already in use by container "ab"'),
    ("unknown", "something\n  unheard of."),
]


@pytest.mark.parametrize(("row", "text"), SAMPLES)
def test_each_text_picks_its_own_row(row: str, text: str) -> None:
    assert find_refusal(text).name == row
    assert find_refusal(text.upper()).name == row
    assert find_refusal(f"Error response from daemon: {text}.\n").name == row


def test_every_row_has_a_text_and_a_remedy_of_its_own() -> None:
    assert {row for row, _ in SAMPLES} == {each.name for each in (*REFUSALS, UNKNOWN)}
    assert len({each.remedy for each in REFUSALS}) >= len(REFUSALS) - 1
    assert len({each.message for each in REFUSALS}) == len(REFUSALS)


@pytest.mark.parametrize(("row", "text"), SAMPLES)
def test_the_error_quotes_the_engine_and_names_the_image(row: str, text: str) -> None:
    error = explain_refusal(text, "nobs:cuda")
    assert "nobs:cuda" in error.message
    assert " ".join(text.split()).rstrip(".")[:500] in error.message
    gpu_rows = {each.name for each in REFUSALS if each.kind is BackendMissing}
    assert isinstance(error, BackendMissing) == (row in gpu_rows)


SNAP = EngineInfo(snap=True)
ROOTLESS = EngineInfo(rootless=True)
DESKTOP = EngineInfo(desktop=True)
SHARED = EngineInfo()
BIND = 'invalid mount config for type "bind": '


@pytest.mark.parametrize(
    ("engine", "text", "remedy"),
    [
        (SNAP, f"{BIND}bind source path does not exist: /x/y", "Docker's snap"),
        (SNAP, f"{BIND}stat /home/me/.cache/huggingface: permission denied", "Docker's snap"),
        (
            SNAP,
            "error while creating mount source path '/x/y': mkdir /x: read-only file system",
            "Docker's snap",
        ),
        (
            SNAP,
            "error while creating mount source path '/x/y': mkdir /x: file exists",
            "Docker's snap",
        ),
        (SNAP, f"{BIND}stat /x/y: permission denied", "root_squash"),
        (SHARED, f"{BIND}stat /x/y: permission denied", "root_squash"),
        (
            SHARED,
            "error while creating mount source path '/x/y': mkdir /x/y: permission denied",
            "root_squash",
        ),
        (
            SHARED,
            ("error while creating mount source path '/x/y': chown /x/y: operation not permitted"),
            "root_squash",
        ),
        (ROOTLESS, f"{BIND}stat /x/y: permission denied", "user of the rootless engine"),
        (
            SHARED,
            f'{_RUNC}error mounting "/x/y" to rootfs at "/run-dir": permission denied',
            "root_squash",
        ),
        (SHARED, f"{BIND}stat /x/y: stale NFS file handle", "file system"),
        (SHARED, f"{BIND}stat /x/y: transport endpoint is not connected", "file system"),
        (SHARED, "statfs /x/y: no such file or directory", "virtual machine"),
        (SHARED, f"{BIND}bind source path does not exist: /x/y", "virtual machine"),
        (
            SHARED,
            "error while creating mount source path '/x/y': mkdir /x: read-only file system",
            "virtual machine",
        ),
        (
            SHARED,
            (
                "Mounts denied: The path /x/y is not shared from the host and is not known to "
                "Docker."
            ),
            "File sharing",
        ),
        (DESKTOP, f"{BIND}bind source path does not exist: /x/y", "File sharing"),
        (
            DESKTOP,
            ("error while creating mount source path '/x/y': mkdir /x: operation not permitted"),
            "File sharing",
        ),
    ],
)
def test_a_directory_that_the_engine_does_not_see_gets_the_remedy_that_fits(
    engine: EngineInfo, text: str, remedy: str
) -> None:
    error = explain_refusal(text, "nobs:cpu", engine, [Path("/x/y/z"), Path("/x/y")])
    assert type(error) is EngineError
    assert remedy in error.remedy
    assert "--host" not in error.remedy
    assert "/x/y" in error.message or "/home/me/.cache/huggingface" in error.message


def test_trouble_with_the_engines_own_directories_is_not_ours() -> None:
    text = "mkdir /var/lib/docker/containers/ab: read-only file system"
    error = explain_refusal(text, "nobs:cpu", SHARED, [Path("/home/me/results")])
    assert "journalctl" in error.remedy
