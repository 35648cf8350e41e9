"""`outcome.json`: the host's view of how the worker ended."""

from typing import Literal

from pydantic import AwareDatetime, Field

from nobs.schema.base import Record
from nobs.schema.enums import Execution


class Outcome(Record):
    """Exit code, memory and times as seen from outside the worker."""

    schema_id: Literal["nobs.outcome/1"] = Field("nobs.outcome/1", alias="schema")
    execution: Execution
    exit_code: int | None
    """Of the worker; null if unknown, as after the death of the launcher."""
    oom_killed: bool = False
    """Whether the engine reported that the worker ran out of memory."""
    timed_out: bool = False
    """Whether the run exceeded its time limit."""
    interrupted: bool = False
    """Whether the user stopped it."""
    error: str = ""
    """Message of the engine or the system; empty if there was none."""
    started: AwareDatetime
    finished: AwareDatetime
    container_id: str | None = None
    """Null in native runs."""
    image_id: str | None = None
    """Null in native runs."""
