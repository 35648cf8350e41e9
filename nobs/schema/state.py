"""`state.json`: who carries a run out, written before anything is taken for it."""

from typing import Literal

from pydantic import AwareDatetime, Field

from nobs.schema.base import Record


class Owner(Record):
    """The launcher's process."""

    user: str
    host: str
    pid: int
    started: str
    """Start of the process on a clock that nobody sets: distinguishes it from others with the same
    pid."""


class RunState(Record):
    """Owner of a run, and where its own part of the events begins."""

    schema_id: Literal["nobs.state/1"] = Field("nobs.state/1", alias="schema")
    owner: Owner
    since: AwareDatetime
    """Start of this attempt."""
    deadline: AwareDatetime
    """End of the run's time limit."""
    events_offset: int = Field(0, ge=0)
    """Bytes of `events.jsonl` that are of earlier attempts."""
