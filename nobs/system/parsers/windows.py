"""Text of Windows: CIM classes as JSON from PowerShell."""

from dataclasses import dataclass

from nobs.system.parsers.names import Identity, cpu_name, host_name, known
from nobs.system.parsers.values import (
    first_mapping,
    items,
    json_value,
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
class WindowsPc(Identity):
    """A PC as Windows' management classes describe it."""

    gpus: tuple[str, ...] = ()
    os_name: str | None = None
    os_version: str | None = None


def parse_cim(text: str | None) -> WindowsPc:
    """Read the answer to `CIM_QUERY`."""
    answer = mapping(json_value((text or "").lstrip("\ufeff")))
    cpu, product, os = (first_mapping(answer.get(key)) for key in ("cpu", "product", "os"))
    vendor, model, version = (text_of(product.get(key)) for key in ("Vendor", "Name", "Version"))
    gpus = (text_of(mapping(gpu).get("Name")) for gpu in items(answer.get("gpu")))
    caption = known(text_of(os.get("Caption")))
    return WindowsPc(
        cpu=cpu_name(text_of(cpu.get("Name"))),
        cpu_vendor=known(text_of(cpu.get("Manufacturer"))),
        host=host_name(vendor, model, version),
        hypervisor=hypervisor_of_model(model),
        gpus=tuple(gpu for gpu in gpus if gpu),
        os_name=caption.removeprefix("Microsoft ") if caption else None,
        os_version=known(text_of(os.get("Version"))),
    )


def hypervisor_of_model(model: str | None) -> str | None:
    """Return the hypervisor that gives its machines this model name."""
    lowered = (model or "").lower()
    return next((maker for words, maker in _VIRTUAL_MODELS.items() if words in lowered), None)
