"""Text of Windows: CIM classes as JSON from PowerShell, and wmic lists on older systems."""

from collections.abc import Mapping
from dataclasses import dataclass

from nobs.system.parsers.names import cpu_name, host_name, known
from nobs.system.parsers.values import (
    first_mapping,
    items,
    json_value,
    key_values,
    mapping,
    text_of,
)

_CIM_SCRIPT = (
    "[Console]::OutputEncoding=[Text.Encoding]::UTF8; @{"
    "cpu=@(Get-CimInstance Win32_Processor | Select-Object Name,Manufacturer);"
    "product=@(Get-CimInstance Win32_ComputerSystemProduct | Select-Object Vendor,Name,Version);"
    "gpu=@(Get-CimInstance Win32_VideoController | Select-Object Name);"
    "os=@(Get-CimInstance Win32_OperatingSystem | Select-Object Caption,Version)"
    "} | ConvertTo-Json -Depth 3 -Compress"
)
CIM_QUERY = ("powershell", "-NoProfile", "-NonInteractive", "-Command", _CIM_SCRIPT)

WMIC_QUERIES = (
    ("wmic", "cpu", "get", "Name,Manufacturer", "/format:list"),
    ("wmic", "csproduct", "get", "Vendor,Name,Version", "/format:list"),
    ("wmic", "path", "win32_VideoController", "get", "Name", "/format:list"),
    ("wmic", "os", "get", "Caption,Version", "/format:list"),
)

_VIRTUAL_MODELS = {
    "virtual machine": "Microsoft",
    "vmware": "VMware",
    "virtualbox": "Oracle",
    "kvm": "KVM",
    "standard pc": "KVM",
    "hvm domu": "Xen",
    "google compute engine": "KVM",
    "openstack": "KVM",
}


@dataclass(frozen=True, kw_only=True)
class WindowsPc:
    """A PC as Windows' management classes describe it."""

    cpu: str | None = None
    cpu_vendor: str | None = None
    host: str | None = None
    hypervisor: str | None = None
    gpus: tuple[str, ...] = ()
    os_name: str | None = None
    os_version: str | None = None


def parse_cim(text: str | None) -> WindowsPc | None:
    """Read the answer to `CIM_QUERY`."""
    answer = mapping(json_value((text or "").lstrip("\ufeff")))
    if not answer:
        return None
    names = (text_of(mapping(gpu).get("Name")) for gpu in items(answer.get("gpu")))
    return _pc(
        cpu=first_mapping(answer.get("cpu")),
        product=first_mapping(answer.get("product")),
        os=first_mapping(answer.get("os")),
        gpus=tuple(name for name in names if name),
    )


def parse_wmic(cpu: str | None, product: str | None, gpu: str | None, os: str | None) -> WindowsPc:
    """Read the answers to `WMIC_QUERIES`."""
    names = (line.partition("=") for line in (gpu or "").splitlines())
    return _pc(
        cpu=key_values(cpu, "="),
        product=key_values(product, "="),
        os=key_values(os, "="),
        gpus=tuple(name.strip() for key, _, name in names if key == "Name" and name.strip()),
    )


def hypervisor_of_model(model: str | None) -> str | None:
    """Return the hypervisor that gives its machines this model name."""
    lowered = (model or "").lower()
    return next((maker for words, maker in _VIRTUAL_MODELS.items() if words in lowered), None)


def _pc(
    cpu: Mapping[str, object],
    product: Mapping[str, object],
    os: Mapping[str, object],
    gpus: tuple[str, ...],
) -> WindowsPc:
    vendor, model, version = (text_of(product.get(key)) for key in ("Vendor", "Name", "Version"))
    caption = known(text_of(os.get("Caption")))
    return WindowsPc(
        cpu=cpu_name(text_of(cpu.get("Name"))),
        cpu_vendor=known(text_of(cpu.get("Manufacturer"))),
        host=host_name(vendor, model, version),
        hypervisor=hypervisor_of_model(model),
        gpus=gpus,
        os_name=caption.removeprefix("Microsoft ") if caption else None,
        os_version=known(text_of(os.get("Version"))),
    )
