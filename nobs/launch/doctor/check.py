"""One check of `nobs doctor`."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Self


class State(StrEnum):
    """What a check means for a run on the chosen backend."""

    OK = "ok"
    WARN = "warn"
    """Something is missing, but a run can do without it."""
    FAIL = "fail"
    """A run isn't possible like this."""
    SKIP = "skip"
    """Doesn't apply to this backend or machine."""


@dataclass(frozen=True, kw_only=True)
class Check:
    """What was checked, what was found and what to do next."""

    name: str
    state: State
    found: str
    remedy: str = ""

    @classmethod
    def ok(cls, name: str, found: str) -> Self:
        """Return a check without a complaint."""
        return cls(name=name, state=State.OK, found=found)

    @classmethod
    def skip(cls, name: str, found: str) -> Self:
        """Return a check that doesn't apply, with the reason."""
        return cls(name=name, state=State.SKIP, found=found)

    @classmethod
    def warn(cls, name: str, found: str, remedy: str) -> Self:
        """Return a check that found something missing which no run needs."""
        return cls(name=name, state=State.WARN, found=found, remedy=remedy)

    @classmethod
    def missing(cls, name: str, found: str, remedy: str, *, needed: bool) -> Self:
        """Return a check that found something missing: a failure only where it is needed."""
        state = State.FAIL if needed else State.WARN
        return cls(name=name, state=state, found=found, remedy=remedy)
