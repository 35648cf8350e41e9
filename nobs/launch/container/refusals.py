"""Why a container isn't created or started: refusals of engines and GPU runtimes.

The first row that matches counts, so special reasons come before general ones. The texts are those
of moby, runc, crun, Podman, libnvidia-container, the NVIDIA Container Toolkit and CDI.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from nobs.errors import BackendMissing, NobsError, StorageError
from nobs.launch.engine.causes import Cause


@dataclass(frozen=True, kw_only=True)
class _GpuCause(Cause):
    kind: type[NobsError] = BackendMissing


_NATIVE = "or use --execution native."
_NVIDIA = r"(nvidia|libcuda|libnv\w+|cudadebugger)[^\s\"'`]*"
"""A file of the driver, as CDI files and the driver's library list name it."""
_GENERATE = "`sudo nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml`"
TOOLKIT = (
    "Install the NVIDIA Container Toolkit, run `sudo nvidia-ctk runtime configure "
    "--runtime=docker` and restart Docker, or use --execution native."
)

_DRIVER = {
    "driver too old": _GpuCause(
        pattern=r"unsatisfied condition: (cuda|driver|brand)",
        message="The NVIDIA driver is too old for {image}",
        remedy="Update the driver, or build for CUDA 12 with --torch-index cu126.",
    ),
    "no adapter in WSL": _GpuCause(
        pattern=r"no adapters were found|dxcore",
        message="WSL shows no NVIDIA GPU to {image}",
        remedy="`wsl --status` must say version 2 and Windows itself needs the NVIDIA driver (the "
        "distribution none); then `wsl --shutdown` and start again. Without such a GPU use "
        "--backend cpu.",
    ),
    "device cgroup closed to the hook": _GpuCause(
        pattern=r"bpf_prog_(query|attach|load)|failed to add device rules"
        r"|existing device filters|cgroup subsystem devices not found|devices\.allow",
        message="NVIDIA's hook can't change the cgroup of {image}, as in a rootless engine",
        remedy="Let it leave the cgroup alone: `sudo nvidia-ctk config --in-place --set "
        f"nvidia-container-cli.no-cgroups=true`; or use CDI: {_GENERATE}, with CDI enabled in the "
        "engine.",
    ),
    "hook called directly": _GpuCause(
        pattern=r"invoking the NVIDIA Container Runtime Hook directly",
        message="The NVIDIA toolkit refuses the engine's own way to a GPU to {image}, as it does "
        "in its modes csv (Jetson) and cdi",
        remedy="Enable CDI in the engine: `sudo nvidia-ctk runtime configure --runtime=docker "
        f"--cdi.enabled`, {_GENERATE}, and restart Docker (25 or newer); or set the toolkit's "
        "mode back: `sudo nvidia-ctk config --in-place --set nvidia-container-runtime.mode=auto`.",
    ),
    "driver and library differ": _GpuCause(
        pattern=r"driver/library version mismatch",
        message="The loaded NVIDIA driver and its libraries differ in version, which {image} "
        "can't use",
        remedy="Reboot: the driver was updated while the old one was loaded.",
    ),
    "driver not loaded": _GpuCause(
        pattern=r"driver not loaded|driver error: failed to process request|nvidia-modprobe"
        r"|couldn't communicate with the NVIDIA driver",
        message="The NVIDIA driver isn't loaded, which {image} needs",
        remedy="Load it with `sudo modprobe nvidia` until nvidia-smi works on the host; after an "
        "update of the kernel reinstall the driver, and with Secure Boot sign its module.",
    ),
    "driver's libraries not found": _GpuCause(
        pattern=r"lib(nvidia-ml|cuda)\.so(\.1)?: cannot open|load library failed"
        r"|failed to (initialize nvml|load driver).*(not found|unknown)|error_library_not_found",
        message="The container toolkit doesn't find the NVIDIA driver's libraries for {image}",
        remedy="Install the driver (nvidia-smi must work on the host) and run `sudo ldconfig`; "
        "Docker's snap sees them only with its own NVIDIA support: there install Docker's own "
        "packages.",
    ),
    "GPU that isn't there": _GpuCause(
        pattern=r"nvidia-container-cli: device error|unknown device id|no such device: (gpu|mig)",
        message="A requested GPU is missing for {image}",
        remedy="Compare CUDA_VISIBLE_DEVICES with `nvidia-smi -L`, which lists indexes and UUIDs.",
    ),
    "GPU closed to the toolkit": _GpuCause(
        pattern=r"nvml error: insufficient permissions|nvidia-container-cli.*permission denied",
        message="The container toolkit has no permission to open the NVIDIA GPU for {image}",
        remedy="Check the permissions of /dev/nvidia* and the line `user` in "
        "/etc/nvidia-container-runtime/config.toml; SELinux needs NVIDIA's container policy.",
    ),
    "toolkit's ldconfig": _GpuCause(
        pattern=r"ldcache error|ldconfig.*(failed|no such file)",
        message="The NVIDIA toolkit can't run ldconfig for {image}",
        remedy='Set `ldconfig = "@/sbin/ldconfig.real"` (Debian, Ubuntu; elsewhere '
        "`@/sbin/ldconfig`) in /etc/nvidia-container-runtime/config.toml, and update the toolkit.",
    ),
    "AMD's CDI devices": _GpuCause(
        pattern=r"unresolvable CDI devices amd\.com|CDI.*amd\.com/gpu",
        message="The engine knows no CDI device of AMD for {image}",
        remedy="Run `sudo amd-ctk cdi generate --output=/etc/cdi/amd.json`, or remove the AMD "
        "runtime: /dev/kfd and /dev/dri are enough.",
    ),
    "no CDI device": _GpuCause(
        pattern=r"unresolvable CDI devices|CDI (device )?(injection|registry).*(failed|not)"
        r"|unqualified CDI device|no CDI devices? found|CDI .*not enabled",
        message="The engine knows no CDI device for {image}",
        remedy=f"Run {_GENERATE} (again after each driver update and change of MIG); a rootless "
        "engine must read that directory (`docker info` lists it).",
    ),
    "device file of CDI gone": _GpuCause(
        pattern=r"failed to stat CDI host device|failed to inject (CDI )?devices",
        message="The engine's CDI file names missing devices for {image}",
        remedy=f"Renew it with {_GENERATE}; rootless engines need devices that their user may "
        "open.",
    ),
    "toolkit's program missing": _GpuCause(
        pattern=r"nvidia-(container-runtime(-hook)?|container-toolkit|container-cli|ctk)"
        r"[\"'`]?:? ?(executable file not found|no such file|not found)"
        r"|(fork/exec|stat|exec:?) \S*nvidia-(container|ctk|cdi)\S*"
        r".*(no such file|executable file not found|permission denied)",
        message="A program of the NVIDIA Container Toolkit is missing for {image}",
        remedy=TOOLKIT,
    ),
    "stale CDI file": _GpuCause(
        pattern=rf"(fulfil mount request|error mounting|cannot stat|lstat|failed to mount|bind "
        rf"mount|open|stat).{{0,40}}?/\S*{_NVIDIA}.*no such file or directory"
        rf"|no such file or directory.*/\S*{_NVIDIA}\.so",
        message="The engine mounts files of a removed NVIDIA driver into {image}",
        remedy=f"Renew the CDI file after a driver update: {_GENERATE}, then restart the engine; "
        "without CDI run `sudo ldconfig`.",
    ),
    "toolkit's configuration": _GpuCause(
        pattern=r"failed to create NVIDIA Container Runtime|nvidia-container-runtime/config\.toml"
        r"|error (loading|parsing|constructing).*nvidia",
        message="The NVIDIA Container Runtime doesn't start for {image}",
        remedy="Repair /etc/nvidia-container-runtime/config.toml (`sudo nvidia-ctk config "
        "--output=/etc/nvidia-container-runtime/config.toml` writes a new one), or reinstall the "
        "toolkit.",
    ),
    "driver": _GpuCause(
        pattern=r"nvidia-container-cli|libnvidia-ml|nvml error|failed to initialize nvml",
        message="The NVIDIA driver doesn't serve {image}",
        remedy="Check that nvidia-smi works on the host; after a driver update reboot, and where "
        f"CDI is used renew it with {_GENERATE}.",
    ),
}

_DEVICES = {
    "no runtime": _GpuCause(
        pattern=r"could not select device driver|(unknown|invalid) runtime|no runtime for",
        message="The container engine can't pass a GPU to {image}",
        remedy=TOOLKIT,
    ),
    "device file closed": _GpuCause(
        pattern=r"(gathering device information|/dev/(kfd|dri|nvidia)).*"
        r"(permission denied|operation not permitted)",
        message="The engine has no permission to open a device file that {image} needs",
        remedy="Let the user that the engine runs as open it (`sudo usermod -aG render,video "
        "USER`, then log in again and restart the engine), or use an engine that runs as root.",
    ),
    "no device file": _GpuCause(
        pattern=r"gathering device information|no such device|(stat|lstat|open) /dev/\S+: no such",
        message="The engine doesn't find a device file that {image} needs",
        remedy="Load the GPU's kernel driver (AMD's amdgpu makes /dev/kfd), or use --backend cpu. "
        "An engine in a virtual machine (Docker Desktop, WSL) has no /dev/kfd.",
    ),
}

_ENGINE = {
    "no image": Cause(
        pattern=r"no such image|image not known",
        message="The image {image} is missing",
        remedy="Build it with `nobs build`.",
    ),
    "no init program": Cause(
        pattern=r"docker-init|catatonit|container-init binary not found|tini-static",
        message="The engine's init program is missing, under which {image} runs",
        remedy="Install it (Debian: `apt install tini`; Podman: the package catatonit; elsewhere "
        "docker-init comes with Docker).",
    ),
    "broken image": Cause(
        pattern=r"executable file not found|exec format error|exec user process"
        r"|exec: \"\S+\": (stat|permission)",
        message="The image {image} can't run the worker",
        remedy="Build it again with `nobs build`.",
    ),
    "disk full": Cause(
        pattern=r"no space left on device|disk quota exceeded",
        kind=StorageError,
        message="There is no disk space for a container of {image}",
        remedy="Free some with `docker system prune` or put Docker's data on a larger disk.",
    ),
    "name taken": Cause(
        pattern=r"already in use by (container|\"?[0-9a-f]{12})",
        message="A container of this run exists already ({image})",
        remedy="Wait for it, or remove it with `docker rm -f` and its name.",
    ),
}

REFUSALS: Mapping[str, Cause] = {**_DRIVER, **_DEVICES, **_ENGINE}
UNKNOWN = Cause(
    pattern="",
    message="The engine refused to start a container of {image}",
    remedy=f"Look at the engine's log (`journalctl -u docker`), {_NATIVE}",
)
