"""When repeats follow each other and when they stop, as the user asked for."""

from collections.abc import Sequence

from nobs.errors import UsageError
from nobs.launch.planning.request import RunRequest
from nobs.schema.pins import RepeatPolicy, Workload
from nobs.units import format_seconds

LONGEST_REST_S = 60.0
"""Bound of a rest that waits until the device has recovered."""


def check_pace(request: RunRequest) -> None:
    """Raise UsageError for options that exclude each other."""
    if request.repeats is not None and request.time_budget_s is not None:
        raise UsageError(
            "--time-budget has no effect with --repeats, which fixes the number of repeats.",
            "Leave one of the two out.",
        )
    if request.sustain_s is None:
        return
    for name in ("repeats", "time_budget_s", "rest"):
        if getattr(request, name) is not None:
            raise UsageError(
                f"--sustain can't be combined with {request.label(name)}: it repeats without a"
                " pause until its time has passed.",
                "Leave one of the two out.",
            )


def choose_policy(request: RunRequest, pinned: RepeatPolicy) -> RepeatPolicy:
    """Return `pinned` with the changes of `request`."""
    is_auto = request.rest == "auto"
    changes = {
        "repeats": request.repeats,
        "time_budget_s": request.time_budget_s,
        "sustain_s": request.sustain_s,
        "rest_s": LONGEST_REST_S if is_auto else request.rest,
        "rest_until_recovered": True if is_auto else None,
    }
    return pinned.model_copy(update={k: v for k, v in changes.items() if v is not None})


def check_length(workloads: Sequence[Workload], timeout_s: float) -> None:
    """Raise UsageError if the sustained measurements alone take longer than the whole run may."""
    needed_s = sum((work.policy.sustain_s or 0.0) * len(work.models) for work in workloads)
    if needed_s >= timeout_s:
        models = sum(len(work.models) for work in workloads)
        raise UsageError(
            f"--sustain takes {format_seconds(needed_s)} for {models} models, but the run is"
            f" limited to {format_seconds(timeout_s)}.",
            f"Raise --timeout above {needed_s:.0f}, or measure fewer models.",
        )
