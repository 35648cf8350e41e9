"""The failure of a step as a record."""

import traceback

from nobs.errors import REMEDIES, FailureClass, NobsError, is_exhausted
from nobs.schema.result import Failure
from nobs.schema.spec import RunSpec
from nobs.settings import hide_secrets

TRACEBACK_CHARS = 8000


def describe(error: Exception) -> Failure:
    """Return why the step failed, with its class; out of memory is `oom`."""
    trace = hide_secrets("".join(traceback.format_exception(error)))[-TRACEBACK_CHARS:]
    if isinstance(error, NobsError):
        return Failure.of(error, trace)
    exhausted = is_exhausted(error)
    return Failure(
        failure_class=FailureClass.OOM if exhausted else FailureClass.BENCHMARK,
        type=type(error).__name__,
        message=hide_secrets(str(error) or type(error).__name__)[:2000],
        remedy=REMEDIES[FailureClass.OOM] if exhausted else "",
        traceback=trace,
    )


def describe_stop(spec: RunSpec, repeats: int) -> Failure:
    """Return the failure of a step that was interrupted after too few `repeats` to keep."""
    return Failure(
        failure_class=FailureClass.INTERRUPTED,
        type="Stopped",
        message=f"The run was interrupted after {repeats} repeats of this step.",
        remedy=f"Run the missing steps with `nobs run --resume {spec.run_id}`.",
    )
