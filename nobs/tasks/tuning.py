"""How trials of settings end, in every task that searches for the fastest ones."""

from enum import StrEnum


class Outcome(StrEnum):
    """How a trial ended."""

    OK = "ok"
    OUT_OF_MEMORY = "out of memory"
    REFUSED = "refused"
    """The model can't be loaded or compiled with these settings."""


class OutOfMemory(Exception):
    """A batch doesn't fit into memory: a result of the search, not an error."""


class Refused(Exception):
    """These settings can't be used here: a result of the search, not an error."""
