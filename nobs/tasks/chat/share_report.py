"""Records of a load that several clients drive: a share, its raw requests, and the whole."""

from itertools import pairwise
from typing import Self

from pydantic import AwareDatetime, BaseModel, Field, model_validator

from nobs.schema.share import Share
from nobs.tasks.chat.client.record import ChatFailure

LAST_CLASS = 6000
"""Class of the longest times: 10,000 s."""
MAX_COUNT = 1 << 40


class GapCounts(BaseModel):
    """Times between arrivals, counted in classes that are 0.5 % wide: exact within 0.25 %."""

    classes: tuple[int, ...] = ()
    """Numbers of the classes, ascending: class k is around 1 ns times 1.005 to the power of k; -1
    holds the times of 0."""
    counts: tuple[int, ...] = ()
    """Times in each class."""
    max_s: float = 0.0
    """Longest time, exact."""

    @model_validator(mode="after")
    def _check_classes(self) -> Self:
        """Refuse classes that aren't in order, or counts that aren't theirs."""
        is_whole = len(self.classes) == len(self.counts)
        bounds = (-2, *self.classes, LAST_CLASS + 1)
        if not is_whole or any(one >= other for one, other in pairwise(bounds)):
            raise ValueError(f"classes must ascend from -1 to {LAST_CLASS}, with a count each")
        if any(not 0 < count < MAX_COUNT for count in self.counts):
            raise ValueError("a count isn't one")
        return self


class RawRequests(BaseModel):
    """The requests of one client in one level: one value per request, in the order of sending."""

    sent_ns: tuple[int | None, ...] = ()
    """From the agreed start of the level, by the client's wall clock; null where no connection
    could be opened."""
    ended_ns: tuple[int | None, ...] = ()
    """From sending to the end of the response."""
    ttft_ns: tuple[int | None, ...] = ()
    """From sending to the first token; null for a failed request."""
    latency_ns: tuple[int | None, ...] = ()
    """From sending to the last token; null for a failed request."""
    tokens: tuple[int, ...] = ()
    """Output tokens."""
    input_tokens: tuple[int | None, ...] = ()
    """Input tokens; null where the server didn't count them. Empty in older reports."""
    streamed: tuple[int, ...] = ()
    """Output tokens that were received."""
    chunks: tuple[int, ...] = ()
    """Chunks with tokens."""
    chars: tuple[int, ...] = ()
    """Characters of answer and reasoning."""
    tokens_per_sec: tuple[float | None, ...] = ()
    """Decode rate."""
    failures: dict[int, ChatFailure] = Field(default_factory=dict)
    """Class of failure, by the number of the request from 0."""
    coalesced: tuple[int, ...] = ()
    """Numbers of the requests whose answers came in bursts."""
    conflicting: tuple[int, ...] = ()
    """Numbers of those whose token counts contradict their streams."""
    estimated: tuple[int, ...] = ()
    """Numbers of those whose token counts are estimates."""
    chunk_gaps: GapCounts = GapCounts()
    """Times between chunks of all answers that didn't come in bursts."""
    itl: GapCounts = GapCounts()
    """Their ITL."""

    @model_validator(mode="after")
    def _check_columns(self) -> Self:
        """Refuse columns of different lengths, and numbers of requests that aren't there."""
        columns = (
            self.sent_ns, self.ended_ns, self.ttft_ns, self.latency_ns, self.tokens,
            self.streamed, self.chunks, self.chars, self.tokens_per_sec,
            self.input_tokens or self.tokens,
        )  # fmt: skip
        sizes = {len(column) for column in columns}
        if len(sizes) > 1:
            raise ValueError(f"the columns have {min(sizes)} to {max(sizes)} requests")
        named = (*self.failures, *self.coalesced, *self.conflicting, *self.estimated)
        if any(not 0 <= number < len(self.sent_ns) for number in named):
            raise ValueError(f"a request is named that isn't one of {len(self.sent_ns)}")
        for number, (ttft_ns, latency_ns) in enumerate(
            zip(self.ttft_ns, self.latency_ns, strict=True)
        ):
            times = (ttft_ns, latency_ns, self.sent_ns[number], self.ended_ns[number])
            if (number in self.failures) == (None not in times):
                raise ValueError(f"request {number} must have either a failure or all times")
        return self


class ServerClock(BaseModel):
    """The client's wall clock minus the server's, from the Date header of several answers.

    Date is in whole seconds; answers at different fractions of a second narrow it down.
    """

    low_s: float
    """The difference is at least this."""
    high_s: float
    """It is at most this."""
    answers: int
    """Number of answers with a Date."""


class LoadShare(BaseModel):
    """What one of several clients sent; its levels have the figures of its own requests only."""

    share: Share
    """Which of the clients, and when they start."""
    clock: ServerClock | None
    """Null if the server sends no usable Date."""
    server_started_s: float | None = None
    """Start of the server's process in seconds since 1970, by its own clock; null if its /metrics
    don't have it. By it clients with different URLs are known to have used one server."""
    clock_step_s: float
    """How much the wall clock moved against the monotonic clock from the first level to the end
    of the last one: a clock that was set in between doesn't show when requests were sent."""
    raw: tuple[RawRequests, ...]
    """One per level."""


class MergedShare(BaseModel):
    """One client of a merged load."""

    index: int
    """Number of the client, from 0."""
    run: str
    """Its run; the digest of its report is in `run.merged`."""
    url: str = ""
    """Its URL of the server."""
    requests: int
    """Number it sent in all levels."""
    clock: ServerClock | None
    """As it measured it."""
    limits: tuple[str, ...] = ()
    """How the client limited a level, as in `8 at once: a client process used 95 % of a core`."""


class LoadMerge(BaseModel):
    """The clients of a merged load; its levels have the figures of all their requests together."""

    start: AwareDatetime
    """Agreed start of the first level."""
    slot_s: float
    """From the start of a level to that of the next one."""
    shares: tuple[MergedShare, ...]
    """By their numbers; all are there."""
    clocks_apart_s: float | None
    """How far the clients' clocks are apart at most; null if a client could not compare its clock
    with the server's."""
    watching: int | None = None
    """Number of the client that read the server's own figures of the levels; null if none could.
    Only what the server did at once is kept of them: its counts end with that client's requests."""
    overlaps: tuple[float, ...]
    """Per level: the time in which all of its clients had sent and none had finished, over the time
    from the first request to the last answer."""
