"""One thing that `nobs doctor` looked at."""

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """What a check means for a run on the chosen backend."""

    OK = "ok"
    WARN = "warn"
    """Something is missing that a run can do without."""
    FAIL = "fail"
    """A run can't be done like this."""
    SKIP = "skip"
    """Nothing that this backend or this machine has."""


@dataclass(frozen=True, kw_only=True)
class Check:
    """What was looked at, what was found and what to do next."""

    name: str
    state: State
    found: str
    remedy: str = ""


def worse(*, needed: bool) -> State:
    """Return the state of something missing: a failure only where it is needed."""
    return State.FAIL if needed else State.WARN
