"""One client's share of a load that several clients drive."""

from datetime import datetime, timedelta
from typing import Self

from pydantic import AwareDatetime, Field, model_validator

from nobs.schema.base import Record

SLOT_S = 60.0
"""Default time from the start of a level to that of the next one."""
MAX_CLIENTS = 1000


class Share(Record):
    """The part of each load level that one of several clients sends."""

    index: int = Field(ge=0)
    """Number of the client, from 0."""
    count: int = Field(ge=1, le=MAX_CLIENTS)
    """Number of clients."""
    start: AwareDatetime
    """Agreed start of the first level."""
    slot_s: float = Field(SLOT_S, gt=0)
    """From the start of a level to that of the next one."""

    @model_validator(mode="after")
    def _check_index(self) -> Self:
        if self.index >= self.count:
            raise ValueError(f"share {self.index} isn't below {self.count}, the number of clients")
        return self

    def __str__(self) -> str:
        """Return it as on the command line."""
        return f"{self.index}/{self.count}"

    def start_of(self, number: int) -> datetime:
        """Return the agreed start of a level, from 0."""
        return self.start + timedelta(seconds=number * self.slot_s)


class MergedRun(Record):
    """A run whose figures went into a merged report."""

    run: str
    """Its id."""
    node: str | None
    """Its node, as in `run.node`."""
    digest: str
    """Digest of its report."""
