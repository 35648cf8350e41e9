"""Text of macOS: system_profiler -json, sysctl, ioreg."""

import re

from nobs.system.gpus import AppleGpu
from nobs.system.parsers.names import Identity, cpu_name, known
from nobs.system.parsers.values import (
    first_mapping,
    integer,
    items,
    json_value,
    key_values,
    mapping,
    text_of,
)

_GPU_CORES = re.compile(r'"gpu-core-count"\s*=\s*([0-9]{1,6})\b')


def parse_sysctl(text: str | None) -> Identity | None:
    """Read `sysctl machdep.cpu.brand_string hw.model kern.hv_vmm_present`."""
    fields = key_values(text, ":")
    chip = cpu_name(fields.get("machdep.cpu.brand_string"))
    model = known(fields.get("hw.model"))
    hypervisor = "Apple" if fields.get("kern.hv_vmm_present") == "1" else None
    return Identity(cpu=chip, host=model, hypervisor=hypervisor) if chip or model else None


def parse_hardware(text: str | None) -> Identity | None:
    """Read `system_profiler -json SPHardwareDataType`."""
    hardware = first_mapping(mapping(json_value(text)).get("SPHardwareDataType"))
    chip = text_of(hardware.get("chip_type")) or text_of(hardware.get("cpu_type"))
    model = known(text_of(hardware.get("machine_model")))
    return Identity(cpu=cpu_name(chip), host=model) if chip or model else None


def parse_displays(text: str | None) -> AppleGpu | None:
    """Read the GPU of an Apple chip from `system_profiler -json SPDisplaysDataType`."""
    for item in items(mapping(json_value(text)).get("SPDisplaysDataType")):
        gpu = mapping(item)
        name = known(text_of(gpu.get("sppci_model")) or text_of(gpu.get("_name")))
        if name and name.startswith("Apple"):
            return AppleGpu(name=name, cores=_positive(gpu.get("sppci_cores")))
    return None


def parse_ioreg_gpu_cores(text: str | None) -> int | None:
    """Read the GPU core count from `ioreg -rc AGXAccelerator -d1`."""
    found = _GPU_CORES.search(text or "")
    return _positive(found[1]) if found else None


def _positive(value: object) -> int | None:
    count = integer(value)
    return count if count and count > 0 else None
