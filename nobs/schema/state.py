"""`state.json`: who carries a run out, written before anything is taken for it."""

from typing import Literal

from pydantic import AwareDatetime, Field

from nobs.schema.base import Record


class Owner(Record):
    """One process among all that ever ran."""

    user: str
    host: str
    pid: int
    started: str
    """What tells it from others that had the same pid: its start on a clock that nobody sets."""


class RunState(Record):
    """The launcher that a run belongs to, and where its own part of the events begins."""

    schema_id: Literal["nobs.state/1"] = Field("nobs.state/1", alias="schema")
    owner: Owner
    since: AwareDatetime
    deadline: AwareDatetime
    events_offset: int = Field(0, ge=0)
    """Bytes of `events.jsonl` that are of earlier attempts."""
