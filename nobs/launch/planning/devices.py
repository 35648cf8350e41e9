"""The machine as the run of each chosen device sees it."""

from dataclasses import replace

from nobs.errors import BackendMissing
from nobs.launch.planning.facts import Facts
from nobs.launch.planning.request import RunRequest
from nobs.schema.device import DeviceRef
from nobs.schema.enums import Backend
from nobs.system.affinity import allowed_cores
from nobs.system.card import Condition, Unknown, ask_condition
from nobs.system.device_info import get_device_info
from nobs.system.devices import Device, choose_devices, names_of
from nobs.system.gpus import NvidiaGpu
from nobs.system.probe import PROBE_S


def facts_of_devices(facts: Facts, request: RunRequest) -> tuple[Facts, ...]:
    """Return the machine as the run of each requested device sees it, in the order of the request.

    One of them if no device is named, or the name means what a run uses anyway. BackendMissing if a
    device isn't there or another program computes on it, UsageError if a name isn't clear.
    """
    if request.device is None:
        return (facts,)
    names, backend = names_of(request.device), facts.detected
    chosen = choose_devices(names, backend, facts.accelerators, allowed_cores())
    for device in chosen:
        _check_card(device)
    found = (
        replace(
            facts,
            accelerators=device.accelerators,
            device_info=get_device_info(backend, accelerators=device.accelerators),
            device=device.ref,
            # Runs that are planned in the same second.
            run_id=facts.run_id if len(chosen) == 1 else f"{facts.run_id}-{number}",
        )
        for number, device in enumerate(chosen, start=1)
    )
    return tuple(found) or (facts,)


def refuse_busy(ref: DeviceRef, condition: Condition) -> None:
    """Raise BackendMissing if another program computes on the device.

    Its result would be compared with those of idle devices.
    """
    if others := condition.processes or 0:
        raise BackendMissing(
            f"{ref.name} ({ref.model}) is busy: {others} other "
            f"process{'es compute' if others > 1 else ' computes'} on it.",
            "End what uses it (`nvidia-smi`), or name other devices with --device.",
        )


def _check_card(device: Device) -> None:
    gpu = device.accelerators.primary(Backend.CUDA) if device.ref.uuid else None
    if isinstance(gpu, NvidiaGpu):
        condition = ask_condition(gpu, PROBE_S)
        # Without NVML nothing is known; what runs beside is flagged after measuring.
        if not isinstance(condition, Unknown):
            refuse_busy(device.ref, condition)
