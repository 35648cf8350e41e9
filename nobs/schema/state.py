"""`state.json`: the process that owns a run, written before anything else is created."""

from typing import Literal

from pydantic import AwareDatetime, Field

from nobs.schema.base import Record


class Owner(Record):
    """The launcher's process."""

    user: str
    host: str
    pid: int
    started: str
    """Start time of the process on a monotonic clock: distinguishes it from others with the same
    pid."""


class RunState(Record):
    """Owner of a run and the start of this attempt."""

    schema_id: Literal["nobs.state/1"] = Field("nobs.state/1", alias="schema")
    owner: Owner
    since: AwareDatetime
    """Start of this attempt."""
    deadline: AwareDatetime
    """End of the run's time limit."""
    events_offset: int = Field(0, ge=0)
    """Bytes of `events.jsonl` that are of earlier attempts."""
