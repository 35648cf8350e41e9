"""`outcome.json`: the host's view of how the worker ended."""

from typing import Literal

from pydantic import AwareDatetime, Field

from nobs.schema.base import Execution, Record


class Outcome(Record):
    """Exit code, memory and times as seen from outside the worker."""

    schema_id: Literal["nobs.outcome/1"] = Field("nobs.outcome/1", alias="schema")
    execution: Execution
    exit_code: int | None
    """None where nobody saw how the worker ended."""
    oom_killed: bool = False
    timed_out: bool = False
    interrupted: bool = False
    error: str = ""
    """What the engine or the system said, if anything."""
    started: AwareDatetime
    finished: AwareDatetime
    container_id: str | None = None
    image_id: str | None = None
