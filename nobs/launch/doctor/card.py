"""Check of an NVIDIA card's condition: what makes its figures wrong although it computes."""

from nobs.backends.base import BackendTarget
from nobs.launch.doctor.check import Check
from nobs.schema.enums import Backend
from nobs.system.card import Condition, Unknown, ask_condition
from nobs.system.gpus import Accelerators, NvidiaGpu
from nobs.system.probe import PROBE_S
from nobs.units import format_share

MAX_USED_SHARE = 0.1
"""More memory in use belongs to a program, not to the driver."""


def check_card(target: BackendTarget, accelerators: Accelerators) -> Check | None:
    """Check the card that a run would use; None where there is no NVIDIA card."""
    gpu = accelerators.primary(Backend.CUDA) if target.name == Backend.CUDA else None
    if not isinstance(gpu, NvidiaGpu):
        return None
    condition = ask_condition(gpu, PROBE_S)
    if isinstance(condition, Unknown):
        found = f"{condition.reason}: no energy, clocks, throttling or faults can be read."
        return Check.warn("card", found, f"{condition.remedy}.")
    return judge_card(gpu, condition)


def judge_card(gpu: NvidiaGpu, condition: Condition) -> Check:
    """Return the gravest fault of a card as its state, with all of them named."""
    faults = [(found, remedy) for is_here, found, remedy in _faults(gpu, condition) if is_here]
    if faults:
        found, remedies = ("; ".join(parts) for parts in zip(*faults, strict=True))
        return Check.warn("card", f"{gpu.name}: {found}.", f"{remedies}.")
    ecc = "ECC reports no errors" if condition.uncorrected_errors == 0 else "no ECC"
    return Check.ok("card", f"{gpu.name}: {ecc}, no other process computes on it")


def _faults(gpu: NvidiaGpu, condition: Condition) -> tuple[tuple[bool, str, str], ...]:
    """Return every possible fault: whether it is here, what it is, its remedy."""
    errors, used = condition.uncorrected_errors or 0, condition.used_share or 0.0
    others = condition.processes or 0
    is_busy = bool(others) or (used > MAX_USED_SHARE and not condition.has_mig)
    who = f"{others} other process{'es' if others > 1 else ''} and " if others else ""
    return (
        (bool(condition.is_worn), "a faulty memory row could not be replaced",
         "The card has to be replaced: don't measure with it"),
        (errors > 0, f"{errors} uncorrected ECC errors since the driver was loaded",
         f"Reset it (`sudo nvidia-smi -r -i {gpu.index}`) or reboot; if they return, another card"),
        (bool(condition.needs_reset), "faulty memory rows wait to be replaced",
         f"Reset it (`sudo nvidia-smi -r -i {gpu.index}`) or reboot"),
        (is_busy, f"busy: {who}{format_share(used, 0)} of its memory is in use",
         "End what uses it (`nvidia-smi`), or choose another card with CUDA_VISIBLE_DEVICES"),
        (bool(condition.has_mig), "MIG is on, so that a slice is measured, without its energy",
         f"`sudo nvidia-smi -i {gpu.index} -mig 0` measures the whole card"),
    )  # fmt: skip
