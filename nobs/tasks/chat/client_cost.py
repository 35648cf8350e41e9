"""What a load level cost the client, and whether the client was its limit."""

from pydantic import BaseModel, Field

from nobs.units import format_seconds, format_share

MAX_CPU_SHARE = 0.8
"""Share of a core above which a process of the client, a single thread, may delay requests."""
MAX_LAG_SHARE = 0.05
"""Mean lag of the client, as a share of an answer's latency, above which it delays requests.

In a closed loop the next request is late by as much, so that throughput is too low by this share:
the growth that counts in a sweep."""
TIMER_S = 0.001
"""Resolution of an event loop's timers: that late, a client isn't busy."""


class ClientCost(BaseModel):
    """What sending a load level cost the client, and how late it was."""

    processes: int = Field(ge=1)
    """That sent the requests: one for small levels, at most one per core."""
    cpu_share: float = Field(ge=0)
    """CPU time of the busiest process over the time of the level: near 1 core, the client is the
    limit."""
    cpu_cores: float = Field(ge=0)
    """CPU time of all processes over the time of the level."""
    lag_mean_s: float = Field(ge=0)
    """How late the processes woke up, at 100 fixed times per second; up to 1 ms is the resolution
    of timers. Next requests are as late. Times of arrival are the kernel's (TCP on Linux), and
    don't depend on it."""
    lag_p99_s: float = Field(ge=0)
    """p99 of the same."""
    error: str = ""
    """Why requests failed as `client`: a process ended, or may not open enough files. Empty if none
    did."""

    def find_limit(self, latency_s: float | None) -> str | None:
        """Return how the client limited a level with this median latency; None if it didn't."""
        if self.cpu_share > MAX_CPU_SHARE:
            return f"a client process used {format_share(self.cpu_share)} of a core"
        lag_s = self.lag_mean_s - TIMER_S
        if latency_s and lag_s > MAX_LAG_SHARE * latency_s:
            return f"the client was {format_seconds(lag_s)} late on average"
        return None
