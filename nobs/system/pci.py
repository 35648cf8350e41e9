"""Display controllers and accelerators on the PCI bus, whether a driver serves them or not."""

from collections.abc import Iterator
from dataclasses import dataclass

from nobs.system.parsers.values import key_values
from nobs.system.probe import Probe

NVIDIA, AMD = "10DE", "1002"
_DEVICES = "/sys/bus/pci/devices"
_DISPLAY, _PROCESSING = 0x03, 0x12
"""Base classes: graphics and 3D controllers, processing accelerators (AMD's Instinct)."""


@dataclass(frozen=True, kw_only=True)
class PciGpu:
    """One device as Linux's sysfs shows it."""

    address: str
    """As in `0000:c1:00.0`."""
    driver: str | None
    """Kernel driver bound to it, as in `nouveau`; None without one."""
    is_display: bool


def find_pci_gpus(machine: Probe, vendor: str) -> Iterator[PciGpu]:
    """Yield the GPUs of a vendor (hexadecimal id); none where the bus can't be read."""
    for address in machine.names(_DEVICES):
        event = key_values(machine.read(f"{_DEVICES}/{address}/uevent"), "=")
        if not event.get("PCI_ID", "").upper().startswith(f"{vendor}:"):
            continue
        kind = _base_class(event.get("PCI_CLASS", ""))
        if kind in (_DISPLAY, _PROCESSING):
            yield PciGpu(
                address=address, driver=event.get("DRIVER") or None, is_display=kind == _DISPLAY
            )


def _base_class(text: str) -> int:
    try:
        return int(text, 16) >> 16
    except ValueError:
        return 0
