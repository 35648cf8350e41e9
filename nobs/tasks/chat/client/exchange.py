"""One exchange with a server: its deadlines, its end and its raw reads."""

from dataclasses import dataclass, field
from enum import StrEnum, auto
from typing import Self

MAX_SILENCES = 6
"""Maximum time of an answer, as a multiple of the request timeout."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Deadlines and the maximum size of an answer."""

    connect_s: float = 10.0
    first_byte_s: float = 300.0
    """From the request to the first byte of the response."""
    idle_s: float = 300.0
    """Between two reads; long because some servers send the head before processing the prompt."""
    total_s: float = 1800.0
    max_bytes: int = 256_000_000

    @classmethod
    def within(cls, request_timeout_s: float) -> Self:
        """Return the deadlines for a request timeout."""
        return cls(
            connect_s=min(10.0, request_timeout_s),
            first_byte_s=request_timeout_s,
            idle_s=request_timeout_s,
            total_s=MAX_SILENCES * request_timeout_s,
        )


class End(StrEnum):
    """How an exchange ended; only COMPLETE is always good."""

    COMPLETE = auto()
    CLOSED = auto()
    FIRST_BYTE_TIMEOUT = auto()
    IDLE_TIMEOUT = auto()
    TOTAL_TIMEOUT = auto()
    TOO_LARGE = auto()
    MALFORMED = auto()


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """The raw response to one request: reads and their stamps, in `perf_counter_ns`."""

    sent_ns: int
    """When the first byte of the request was handed to the socket."""
    stamps: list[int]
    """Arrival of the last bytes of each read: by the kernel (TCP on Linux), else the time when the
    read returned."""
    chunks: list[bytes] = field(repr=False)
    ended_ns: int
    end: End
