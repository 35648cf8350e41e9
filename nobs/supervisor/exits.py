"""Why a child ended that left no result, as far as known."""

from pathlib import Path

from nobs.errors import REMEDIES, FailureClass
from nobs.schema.result import Failure
from nobs.supervisor.children import StepExit

SIGKILL = 9
VMSTAT = Path("/proc/vmstat")


def explain_exit(ended: StepExit, timeout_s: float, *, exhausted: bool) -> Failure:
    """Return the failure of a step without result; `exhausted`: memory may have run out."""
    kind, remedy = FailureClass.INFRA, "Look at the last step.output events of this run."
    if ended.timed_out:
        kind, message = FailureClass.TIMEOUT, f"The step took longer than {timeout_s:g} s."
    elif ended.exit_code == -SIGKILL and exhausted:
        kind, message = FailureClass.OOM, "The step was killed by SIGKILL: out of memory."
    elif ended.exit_code == -SIGKILL:
        message = "The step was killed by SIGKILL, not by the OOM killer."
        remedy = "Check the job scheduler, systemd and other users."
    else:
        message = f"The step left no result (exit code {ended.exit_code})."
    remedy = REMEDIES.get(kind, remedy)
    return Failure(failure_class=kind, type="StepLost", message=message, remedy=remedy)


def count_oom_kills(vmstat: Path = VMSTAT) -> int | None:
    """Return the number of kills by the kernel's OOM killer; None if unknown."""
    try:
        lines = vmstat.read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), None)
