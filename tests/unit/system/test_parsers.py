import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nobs.system.parsers import amd, fastfetch, linux, macos, nvidia, windows
from nobs.system.parsers.names import Identity, cpu_name, host_name, known, unnamed_cpu
from nobs.system.parsers.values import integer, json_value, number
from nobs.system.probe import Probe

PARSERS: list[Callable[[str | None], object]] = [
    linux.parse_lscpu,
    linux.parse_cpuinfo,
    linux.parse_os_release,
    linux.parse_cgroup_paths,
    linux.parse_cpu_max,
    linux.parse_memory_limit,
    lambda text: linux.container_runtime(text, text),
    macos.parse_sysctl,
    macos.parse_hardware,
    macos.parse_displays,
    macos.parse_ioreg_gpu_cores,
    windows.parse_cim,
    nvidia.parse_table,
    amd.parse_properties,
    lambda text: amd.own_memory_gb([amd.parse_properties(text)]),
    lambda text: amd.gfx_name(amd.parse_properties(text).get("gfx_target_version")),
    lambda text: amd.product_name(text, text, 0x164E, text, "gfx1036"),
    fastfetch.parse_fastfetch,
    fastfetch.parse_fastfetch_gpu,
    known,
    cpu_name,
    lambda text: host_name(text, text, text),
    lambda text: unnamed_cpu(text, "x86_64", virtual=True),
    number,
    integer,
    json_value,
]

KEYS = [
    *("type", "result", "Host", "CPU", "GPU", "name", "vendor", "version", "memory", "cpu"),
    *("SPHardwareDataType", "SPDisplaysDataType", "sppci_model", "sppci_cores", "chip_type"),
    *("product", "gpu", "os", "Name", "Vendor", "Caption", "Version", "dedicated", "total"),
    *("Model name", "Core(s) per socket", "Socket(s)", "heap_type", "gfx_target_version"),
]
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
LEAVES = SCALARS | st.sampled_from(KEYS)
DOCUMENTS = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4)
    ),
    max_leaves=12,
)
LINES = st.tuples(
    st.sampled_from(KEYS), st.sampled_from([":", "=", " ", ",", ":,"]), LEAVES.map(str)
).map("".join)
TEXTS = (
    st.none()
    | st.text()
    | DOCUMENTS.map(json.dumps)
    | st.lists(LINES, max_size=6).map("\n".join)
    | st.lists(LEAVES.map(str), max_size=8).map(", ".join)
)


@given(text=TEXTS)
def test_no_text_breaks_a_parser(text: str | None) -> None:
    for parse in PARSERS:
        parse(text)


@given(text=TEXTS)
def test_no_text_breaks_a_description(text: str | None) -> None:
    name = cpu_name(text)

    assert name is None or (0 < len(name) <= 120 and "\n" not in name)


def test_lscpu_of_a_vm_gives_its_model_and_cores(recorded: Callable[[str], Probe]) -> None:
    text = recorded("vm_openstack_rtx4090").run(("lscpu",))

    assert linux.parse_lscpu(text) == Identity(
        cpu="Intel Xeon (Icelake)", cpu_vendor="GenuineIntel", cores=8
    )


def test_deep_json_is_no_value() -> None:
    assert json_value("[" * 100_000) is None


@pytest.mark.parametrize(
    ("told", "name"),
    [
        ("AMD EPYC 9354 32-Core Processor", "AMD EPYC 9354"),
        ("AMD EPYC", "AMD EPYC"),
        ("Intel(R) Xeon(R) Gold 6240R CPU @ 2.40GHz", "Intel Xeon Gold 6240R"),
        ("Intel(R) Xeon(R) CPU           E5506  @ 2.13GHz", "Intel Xeon E5506"),
        ("Intel(R) Core(TM) Ultra 9 185H", "Intel Core Ultra 9 185H"),
        ("AMD Ryzen 7 5800H with Radeon Graphics", "AMD Ryzen 7 5800H"),
        ("AMD Ryzen AI MAX+ 395 w/ Radeon 8060S", "AMD Ryzen AI MAX+ 395"),
        ("QEMU Virtual CPU version 2.5+", "QEMU Virtual CPU version 2.5+"),
        ("Apple M4 Max", "Apple M4 Max"),
        ("-", None),
        ("Not Specified", None),
        ("Architecture: x86_64 CPU op-mode(s): 32-bit, 64-bit Flags: " + "fpu " * 40, None),
    ],
)
def test_a_processor_is_named_by_its_model(told: str, name: str | None) -> None:
    assert cpu_name(told) == name


@pytest.mark.parametrize(
    ("told", "name"),
    [
        (("Dell Inc.", "PowerEdge R7525", ""), "Dell Inc. PowerEdge R7525"),
        (("HP", "HP EliteBook 840 G10", "SBKPF"), "HP EliteBook 840 G10 SBKPF"),
        (("Amazon EC2", "g5.xlarge", "Not Specified"), "Amazon EC2 g5.xlarge"),
        (("Google", "Google Compute Engine", ""), "Google Compute Engine"),
        (("QEMU", "", "pc-q35-8.1"), None),
        (("System manufacturer", "System Product Name", "System Version"), None),
    ],
)
def test_a_machine_is_named_without_placeholders(
    told: tuple[str, str, str], name: str | None
) -> None:
    assert host_name(*told) == name


@pytest.mark.parametrize(
    "text",
    [
        "No devices were found",
        'Field "compute_cap" is not a valid field to query.',
        "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.",
        "Unable to determine the device handle for GPU 0000:01:00.0: GPU is lost.",
    ],
)
def test_complaints_of_nvidia_smi_are_no_gpus(text: str) -> None:
    assert nvidia.parse_table(text) == ()


def test_a_virtual_mac_says_so() -> None:
    told = macos.parse_sysctl("hw.model: VirtualMac2,1\nkern.hv_vmm_present: 1\n")

    assert told == Identity(host="VirtualMac2,1", hypervisor="Apple")


def test_powershell_may_start_with_a_byte_order_mark() -> None:
    told = windows.parse_cim('\ufeff{"cpu":{"Name":"Snapdragon(R) X Elite - X1E78100"},"gpu":null}')

    assert told is not None
    assert told.cpu == "Snapdragon X Elite - X1E78100"
