"""Text of macOS: system_profiler -json, sysctl, ioreg."""

import re
from dataclasses import dataclass

from nobs.system.gpus import AppleGpu
from nobs.system.parsers.names import cpu_name, known
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


@dataclass(frozen=True, kw_only=True)
class Mac:
    """A Mac as macOS describes it."""

    chip: str | None
    """As in `Apple M4 Max`."""
    model: str | None
    """As in `Mac16,6`."""
    virtual: bool = False


def parse_sysctl(text: str | None) -> Mac | None:
    """Read `sysctl machdep.cpu.brand_string hw.model kern.hv_vmm_present`."""
    fields = key_values(text, ":")
    chip = cpu_name(fields.get("machdep.cpu.brand_string"))
    model = known(fields.get("hw.model"))
    virtual = fields.get("kern.hv_vmm_present") == "1"
    return Mac(chip=chip, model=model, virtual=virtual) if chip or model else None


def parse_hardware(text: str | None) -> Mac | None:
    """Read `system_profiler -json SPHardwareDataType`."""
    hardware = first_mapping(mapping(json_value(text)).get("SPHardwareDataType"))
    chip = text_of(hardware.get("chip_type")) or text_of(hardware.get("cpu_type"))
    model = known(text_of(hardware.get("machine_model")))
    return Mac(chip=cpu_name(chip), model=model) if chip or model else None


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
