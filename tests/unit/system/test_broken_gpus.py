"""GPUs that are here and can't be used: never a machine without a GPU.

As in https://github.com/anderskm/gputil/issues/55, https://github.com/NVIDIA/gpu-operator/issues/285
and https://github.com/gpustack/gpustack/issues/1297.
"""

from collections.abc import Callable

import pytest

from nobs.errors import BackendMissing
from nobs.schema.enums import Backend
from nobs.system.accelerators import detect_backend, explain_choice, find_accelerators
from nobs.system.answer import Answer
from nobs.system.nvml import Listing
from nobs.system.parsers.nvidia import parse_table
from nobs.system.probe import Probe

type Machine = Callable[..., Probe]
SMI = "nvidia-smi --query-gpu=index,name,uuid,driver_version,memory.total,compute_cap"
A5000 = "0, NVIDIA RTX A5000, GPU-aaaa, 570.124.06, 24564, 8.6, [N/A]\n"

FAILURES = [
    (18, "Failed to initialize NVML: Driver/library version mismatch", "Reboot"),
    (9, "NVIDIA-SMI has failed because it couldn't communicate with the driver.", "modprobe"),
    (6, "No devices were found", "dmesg"),
    (4, "Failed to initialize NVML: Insufficient Permissions", "video"),
    (12, "NVIDIA-SMI couldn't find libnvidia-ml.so library in your system.", "libnvidia-ml"),
    (255, "Unable to determine the device handle for GPU0: 0000:65:00.0: Unknown Error", "dmesg"),
    (127, "", "nvidia-smi"),
    (0, "", "nvidia-smi"),
]  # fmt: skip


@pytest.mark.parametrize(("code", "said", "remedy"), FAILURES)
@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_tool_that_fails_stops_auto_with_its_words(
    bare_linux: Machine, code: int, said: str, remedy: str, stream: str
) -> None:
    failure = Answer(exit_code=code, **{stream: f"{said}\n"})
    found = find_accelerators(bare_linux(failures={"nvidia-smi": failure}))

    with pytest.raises(BackendMissing) as caught:
        detect_backend(found)

    assert said.rstrip(".") in caught.value.message
    assert f"(exit code {code})" in caught.value.message
    assert remedy in caught.value.remedy
    assert "--backend cpu" in caught.value.remedy


def test_a_tool_that_hangs_stops_auto_and_nvml_is_not_asked(bare_linux: Machine) -> None:
    machine = bare_linux(failures={"nvidia-smi": Answer()}, nvml=Listing(gpus=parse_table(A5000)))

    with pytest.raises(BackendMissing, match="no answer within 5 s"):
        detect_backend(find_accelerators(machine))


@pytest.mark.parametrize("code", [14, 255])
@pytest.mark.parametrize(
    "warning", ["WARNING: infoROM is corrupted at gpu 0000:65:00.0", "a long story " * 12, ""]
)
def test_what_a_failing_tool_lists_is_used_and_its_warning_told(
    bare_linux: Machine, code: int, warning: str
) -> None:
    failure = Answer(stdout=f"{A5000}{warning}\n", exit_code=code)
    found = find_accelerators(bare_linux(failures={"nvidia-smi": failure}))

    assert [gpu.name for gpu in found.nvidia] == ["NVIDIA RTX A5000"]
    assert detect_backend(found) is Backend.CUDA
    (note,) = explain_choice(found, Backend.CUDA, is_auto=True)
    assert f"exited with {code}" in note
    assert warning.strip() in note


@pytest.mark.parametrize(
    "rest",
    [
        "Unable to determine the device handle for GPU 0000:02:00.0: GPU is lost.",
        "1, NVIDIA L4, GPU-bbbb, 570.124.06, [GPU is lost], [GPU is lost], [GPU is lost]",
        "1, NVIDIA L4, GPU-bbbb, 570.124.06, [GPU requires reset], 8.9, [N/A]",
        "1, [Unknown Error], [Unknown Error], 570.124.06, [Unknown Error], [N/A], [N/A]",
    ],
)
def test_a_lost_gpu_is_told_beside_the_others_and_alone_stops_auto(
    bare_linux: Machine, rest: str
) -> None:
    both = find_accelerators(bare_linux(commands={SMI: f"{rest}\n{A5000}"}))
    assert [gpu.name for gpu in both.nvidia] == ["NVIDIA RTX A5000"]
    (note,) = explain_choice(both, Backend.CUDA, is_auto=True)
    assert rest in note

    with pytest.raises(BackendMissing, match=r"lost|reset|Unknown Error") as caught:
        detect_backend(find_accelerators(bare_linux(commands={SMI: rest})))
    assert "dmesg" in caught.value.remedy


def test_nvml_stands_in_for_a_tool_that_fails(bare_linux: Machine) -> None:
    failure = Answer(stderr="nvidia-smi: cannot execute", exit_code=126)
    machine = bare_linux(failures={"nvidia-smi": failure}, nvml=Listing(gpus=parse_table(A5000)))

    found = find_accelerators(machine)

    assert detect_backend(found) is Backend.CUDA
    assert "cannot execute" in next(explain_choice(found, Backend.CUDA, is_auto=True))


def pci(address: str, ids: str, driver: str | None, kind: str = "30000") -> dict[str, str]:
    told = f"PCI_CLASS={kind}\nPCI_ID={ids}\nPCI_SLOT_NAME={address}\n"
    driven = f"DRIVER={driver}\n" if driver else ""
    return {f"/sys/bus/pci/devices/{address}/uevent": driven + told}


GEFORCE = "10DE:2684"
BMC = pci("0000:02:00.0", "1A03:2000", "ast")
SOUND = pci("0000:01:00.1", "10DE:22BA", "snd_hda_intel", "40300")


@pytest.mark.parametrize(
    "files",
    [
        {"/proc/driver/nvidia/version": "NVRM version: NVIDIA UNIX x86_64\n"},
        {"/dev/nvidia0": ""},
        pci("0000:01:00.0", GEFORCE, "nvidia", "30200"),
    ],
)
def test_a_loaded_driver_without_tools_stops_auto(
    bare_linux: Machine, files: dict[str, str]
) -> None:
    with pytest.raises(BackendMissing, match="kernel driver") as caught:
        detect_backend(find_accelerators(bare_linux(files=files)))

    assert "--gpus all" in caught.value.remedy


@pytest.mark.parametrize("driver", [None, "nouveau", "vfio-pci"])
def test_a_card_without_nvidia_s_driver_is_told_beside_the_cpu(
    bare_linux: Machine, driver: str | None
) -> None:
    files = {**pci("0000:01:00.0", GEFORCE, driver), **SOUND, **BMC}
    found = find_accelerators(bare_linux(files=files))

    assert detect_backend(found) is Backend.CPU
    (note,) = explain_choice(found, Backend.CPU, is_auto=True)
    assert "0000:01:00.0 isn't used" in note
    assert (driver or "no driver") in note
    assert list(explain_choice(found, Backend.CPU, is_auto=False)) == []


@pytest.mark.parametrize("files", [{}, BMC, SOUND, {"/dev/nvidia-caps": "", "/dev/null": ""}])
def test_a_machine_without_a_gpu_is_a_cpu(bare_linux: Machine, files: dict[str, str]) -> None:
    found = find_accelerators(bare_linux(files=files))

    assert detect_backend(found) is Backend.CPU
    assert list(explain_choice(found, Backend.CPU, is_auto=True)) == []


@pytest.mark.parametrize("value", ["", "-1", " ", "none", "void", "NoDevFiles"])
@pytest.mark.parametrize("is_broken", [True, False])
def test_a_variable_that_hides_all_asks_for_the_cpu(
    bare_linux: Machine,
    value: str,
    is_broken: bool,
) -> None:
    tool = {"failures": {"nvidia-smi": Answer()}} if is_broken else {"commands": {SMI: A5000}}
    found = find_accelerators(bare_linux(environment={"CUDA_VISIBLE_DEVICES": value}, **tool))

    assert detect_backend(found) is Backend.CPU
    assert f"CUDA_VISIBLE_DEVICES={value!r} hides" in next(
        explain_choice(found, Backend.CPU, is_auto=True)
    )


@pytest.mark.parametrize("value", ["1", "GPU-bbbb", "0,0", "gpu0", "MIG-1"])
def test_a_variable_that_names_no_gpu_stops_auto(bare_linux: Machine, value: str) -> None:
    machine = bare_linux(environment={"CUDA_VISIBLE_DEVICES": value}, commands={SMI: A5000})

    with pytest.raises(BackendMissing) as caught:
        detect_backend(find_accelerators(machine))

    assert f"CUDA_VISIBLE_DEVICES={value!r} names no GPU" in caught.value.message


@pytest.mark.parametrize("value", ["0", "", "-1"])
def test_a_variable_is_nothing_to_a_machine_without_a_gpu(bare_linux: Machine, value: str) -> None:
    found = find_accelerators(bare_linux(environment={"CUDA_VISIBLE_DEVICES": value}))

    assert detect_backend(found) is Backend.CPU
    assert list(explain_choice(found, Backend.CPU, is_auto=True)) == []


LISTED = """GPU 0: NVIDIA A100-SXM4-80GB (UUID: GPU-aaaa)
  MIG 3g.40gb     Device  0: (UUID: MIG-1111)
  MIG 1c.2g.20gb  Device  1: (UUID: MIG-2222)
GPU 1: NVIDIA A100-SXM4-80GB (UUID: GPU-bbbb)
"""
A100S = """0, NVIDIA A100-SXM4-80GB, GPU-aaaa, 570.124.06, 81920, 8.0, Enabled
1, NVIDIA A100-SXM4-80GB, GPU-bbbb, 570.124.06, 81920, 8.0, Disabled
"""


@pytest.mark.parametrize(
    ("variable", "name", "memory_gb"),
    [
        (None, "NVIDIA A100-SXM4-80GB MIG 3g.40gb", 40.0),
        ("MIG-2222", "NVIDIA A100-SXM4-80GB MIG 1c.2g.20gb", 20.0),
        ("GPU-bbbb", "NVIDIA A100-SXM4-80GB", 80.0),
    ],
)
def test_a_slice_is_named_as_one(
    bare_linux: Machine, variable: str | None, name: str, memory_gb: float
) -> None:
    chosen = {} if variable is None else {"CUDA_VISIBLE_DEVICES": variable}
    machine = bare_linux(environment=chosen, commands={SMI: A100S, "nvidia-smi -L": LISTED})

    gpu = find_accelerators(machine).cuda()[0]

    assert (gpu.name, gpu.memory_gb) == (name, memory_gb)


def test_a_divided_gpu_without_instances_stops_auto(bare_linux: Machine) -> None:
    machine = bare_linux(commands={SMI: A100S.splitlines()[0]})

    with pytest.raises(BackendMissing, match="MIG is on"):
        detect_backend(find_accelerators(machine))


@pytest.mark.parametrize(
    ("memory", "is_unified"),
    [
        ("[N/A]", True),
        ("[Not Supported]", True),
        ("Not Supported", True),
        ("[Unknown Error]", False),
    ],
)
def test_memory_that_is_not_told_is_not_the_system_s_unless_said(
    bare_linux: Machine,
    memory: str,
    is_unified: bool,
) -> None:
    table = f"0, NVIDIA GB10, GPU-1, 580.95, {memory}, 12.1, [N/A]"
    (gpu,) = find_accelerators(bare_linux(commands={SMI: table})).nvidia

    assert (gpu.memory_gb, gpu.is_unified) == (None, is_unified)


@pytest.mark.parametrize("code", [0, 1])
@pytest.mark.parametrize("tool", ["amd-smi list", "rocm-smi"])
def test_amd_s_tool_that_fails_stops_auto(bare_linux: Machine, tool: str, code: int) -> None:
    failure = Answer(stderr="Driver not initialized (amdgpu not found in modules)", exit_code=code)

    with pytest.raises(BackendMissing, match="amdgpu not found") as caught:
        detect_backend(find_accelerators(bare_linux(failures={tool: failure})))

    assert "modprobe amdgpu" in caught.value.remedy


def test_amd_s_tool_that_lists_nothing_is_no_gpu(bare_linux: Machine) -> None:
    found = find_accelerators(bare_linux(commands={"rocm-smi": "=== ROCm SMI ===\n"}))

    assert detect_backend(found) is Backend.CPU


@pytest.mark.parametrize(("kind", "stops"), [("30000", False), ("38000", False), ("120000", True)])
def test_an_instinct_without_compute_driver_stops_auto_and_a_radeon_is_told(
    bare_linux: Machine,
    kind: str,
    stops: bool,
) -> None:
    found = find_accelerators(bare_linux(files=pci("0000:c1:00.0", "1002:74A1", "amdgpu", kind)))

    if stops:
        with pytest.raises(BackendMissing, match="0000:c1:00"):
            detect_backend(found)
    else:
        assert detect_backend(found) is Backend.CPU
        assert "isn't used" in next(explain_choice(found, Backend.CPU, is_auto=True))


def test_an_integrated_radeon_is_told_beside_the_cpu(recorded: Callable[[str], Probe]) -> None:
    found = find_accelerators(recorded("desktop_radeon_igpu"))

    assert "AMD Radeon 610M isn't used" in next(explain_choice(found, Backend.CPU, is_auto=True))
