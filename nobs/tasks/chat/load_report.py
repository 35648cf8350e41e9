"""Records of load levels in a report."""

from pydantic import BaseModel, Field

from nobs.tasks.chat.client.record import Percentiles
from nobs.tasks.chat.client_cost import ClientCost
from nobs.tasks.chat.levels import Level
from nobs.tasks.chat.promise import Promise
from nobs.tasks.chat.server_report import ServerWindow
from nobs.tasks.chat.share_report import LoadMerge, LoadShare


class Percentile(BaseModel):
    """A percentile with its CI."""

    value_s: float
    """By nearest rank."""
    low_s: float
    """95 % CI from order statistics, for as many requests as are independent."""
    high_s: float


class SteadyTimes(BaseModel):
    """Percentiles of one time; null: withheld, because there are too few requests for a CI."""

    p50: Percentile | None
    p95: Percentile | None
    """Needs 72 independent requests."""
    p99: Percentile | None
    """Needs 368 independent requests."""


class SteadyState(BaseModel):
    """The figures of a level without its beginning and its end.

    Requests are in the order of sending. Of a concurrency, the first and the last ones of each
    client are left out. Of a rate, the first fifth is left out, or three times the latency on an
    idle server if that is longer; at the end as many as were in flight when the last was sent.
    """

    start_s: float
    """From the first request of the level to the first one that counts."""
    end_s: float
    """To the first request after those that count."""
    requests: int
    """Requests sent in this time; failed ones are included."""
    requests_per_sec: float
    """Complete answers that ended in this time, per second."""
    tokens_per_sec: float | None
    """Output tokens that arrived in this time, per second; null if the counts of too many answers
    contradict their streams."""
    input_tokens_per_sec: float | None = None
    """Input tokens of the complete answers that ended in this time, per second; null if the server
    didn't count those of each, and in older reports."""
    mean_in_flight: float
    """Requests in flight, averaged over this time."""
    ttft: SteadyTimes | None
    """Of complete answers; null if there are none."""
    tpot: SteadyTimes | None
    """Of answers that have one."""
    latency: SteadyTimes | None
    """To the last token."""


class Kept(BaseModel):
    """How many of the steady requests of a level kept the promise."""

    kept: int
    """Requests that kept all limits."""
    unknown: int
    """Complete answers without TPOT or ITL, because they came at once or in bursts."""
    share: float
    """Kept ones of all steady requests; unknown ones count as broken."""
    low: float
    """Lower end of the 95 % CI of the share."""
    high: float
    """Upper end; unknown requests count as kept."""
    independent: float
    """Number of independent requests that the CI is based on: requests in a queue are slow or fast
    together."""
    goodput_per_sec: float
    """Requests per second that kept the promise."""
    fast: int | None
    """Requests whose TPOT was within its limit; null if the promise has none."""
    verdict: str
    """`holds` or `fails` with 95 % confidence, else `undecided`. A level that ended early fails."""


class LoadLevel(BaseModel):
    """One load level; times are of complete answers."""

    concurrency: int | None
    """Requested number of concurrent requests; null for an arrival rate."""
    rate_per_s: float | None
    """Requested arrivals per second; null for a concurrency."""
    requests: int
    """Number sent."""
    failures: dict[str, int]
    """Number of failed requests by class."""
    first_error: str = ""
    """What happened to the first failed request, with the server's message; empty if none failed,
    and in older reports."""
    duration_s: float
    """From the first request to the end of the last answer."""
    tokens_per_sec: float | None
    """Throughput: output tokens of all complete answers over `duration_s`."""
    input_tokens_per_sec: float | None = None
    """Input tokens of all complete answers over `duration_s`, cached ones included; null if the
    server didn't count those of each, and in older reports."""
    requests_per_sec: float | None
    """Complete answers over `duration_s`."""
    median_decode_tokens_per_sec: float | None = None
    """Median decode rate of single answers, as seen by one user."""
    median_latency_s: float | None
    """To the last token."""
    p95_latency_s: float | None
    """By nearest rank."""
    p99_latency_s: float | None = None
    """By nearest rank; null with fewer than 100 answers, and in older reports."""
    median_ttft_s: float | None
    """To the first token."""
    p95_ttft_s: float | None
    """By nearest rank."""
    coalesced: int = 0
    """Answers that arrived in bursts of several chunks."""
    unreconciled: int = 0
    """Answers whose token counts contradict their streams."""
    chunk_gaps: Percentiles | None
    """Of all answers together."""
    itl: Percentiles | None = None
    """ITL of all answers together."""
    mean_in_flight: float | None
    """Time-averaged number of requests in flight: the load actually reached."""
    max_in_flight: int
    """Maximum of requests in flight."""
    arrival_rate_per_s: float | None
    """Requests actually sent per second."""
    client: ClientCost | None = None
    """What sending the level cost the client; null in older reports."""
    server: ServerWindow | None = None
    """The server's own figures; null if it publishes none."""
    ended_early: str = ""
    """`over-saturated`: requests arrived faster than the server answered, so that its queue grew
    through the level; `stopped answering`: none of the last requests got any answer. Then no
    further requests were sent. Empty: all were."""
    steady: SteadyState | None = None
    """Null without a promise, or with too few requests for a steady state."""
    promise: Kept | None = None
    """Null without a promise or a steady state."""

    @property
    def asked(self) -> Level:
        """Return the load that was asked for."""
        return Level(concurrency=self.concurrency, rate_per_s=self.rate_per_s)

    @property
    def failed(self) -> int:
        """Return the number of failed requests."""
        return sum(self.failures.values())


class PromiseAnswer(BaseModel):
    """The highest load at which a latency promise holds, and what else the sweep found."""

    promise: Promise
    axis: str
    """What was raised: `concurrency` or `rate_per_s`."""
    holds_at: float | None
    """Highest load at which it holds with 95 % confidence, below `fails_at`; null: at none."""
    fails_at: float | None
    """Lowest load at which it fails with 95 % confidence; null: at none of the levels."""
    estimate: float | None
    """Load at which the promise just holds, interpolated between the levels; null if all or none
    of them kept it."""
    ended: str
    """Why the search ended: `found`, `never fails` (up to the highest level), `never holds` (not
    even for single requests), `stopped answering` or `sender` (requests couldn't be sent as fast
    as planned)."""
    peak_at: float | None
    """Load with the highest throughput."""
    peak_requests_per_sec: float | None
    """Highest throughput in complete answers per second; in an open loop that is where it
    saturates."""
    peak_tokens_per_sec: float | None
    """Throughput in output tokens per second at `peak_at`."""
    goodput_at: float | None
    """Load with the highest goodput."""
    goodput_per_sec: float | None
    """Highest goodput: requests per second that kept the promise."""
    user_tokens_per_sec: float | None
    """Tokens per second that each user gets at least: the inverse of the TPOT limit; null without
    one."""
    system_tokens_per_sec: float | None
    """Highest throughput of the levels at which `share` of the requests had at least that rate."""
    system_at: float | None
    """Load of that level."""


class LoadTable(BaseModel):
    """Load levels in order, and the seed of the arrival times."""

    levels: tuple[LoadLevel, ...]
    """Fixed concurrencies, arrival rates, then the sweep."""
    arrivals: str
    """Arrival process: `constant` or `poisson`."""
    seed: int
    """Of the arrival times."""
    knee: int | None
    """Concurrency beyond which a sweep found at most 5 % more throughput; null without a sweep, and
    if the client was the limit there."""
    promise: PromiseAnswer | None = None
    """The answer to a latency promise; null without one."""
    share: LoadShare | None = Field(None, exclude_if=lambda value: value is None)
    """This client's share, if several clients drove the load (`--share`); else absent. The levels
    are then not the server's figures."""
    merged: LoadMerge | None = Field(None, exclude_if=lambda value: value is None)
    """The clients whose shares `nobs collect` merged; else absent."""
