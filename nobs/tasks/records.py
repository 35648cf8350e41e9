"""The base class of records that tasks add to a report."""

from pydantic import BaseModel, ConfigDict


class Closed(BaseModel):
    """A record that refuses unknown fields."""

    model_config = ConfigDict(extra="forbid")
