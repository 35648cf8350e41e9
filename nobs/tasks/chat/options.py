"""Options of the tasks with served models; light to import."""

from typing import Any

from nobs.tasks.chat.arrivals import Arrivals
from nobs.tasks.options import Option

MAX_OUTPUT_TOKENS: Option[int] = Option(
    name="max_output_tokens", kind=int, help="Maximum number of output tokens per request."
)
CONCURRENCY: Option[tuple[int, ...]] = Option(
    name="concurrency", kind=int, many=True,
    help="Also measure under load, with this many concurrent requests.",
)  # fmt: skip
RATE: Option[tuple[float, ...]] = Option(
    name="rate", kind=float, many=True, metavar="R[,R]",
    help="Also measure under load, with this many requests arriving per second.",
)  # fmt: skip
ARRIVALS: Option[str] = Option(
    name="arrivals", choices=tuple(Arrivals), default="poisson",
    help="Arrival process of --rate.",
)  # fmt: skip
SWEEP: Option[bool] = Option(
    name="sweep", kind=bool, help="Double the concurrency until throughput stops growing."
)
SLO: Option[str] = Option(
    name="slo", metavar="LIMITS",
    help="Find the highest load at which 95 % of the requests keep these limits (ttft, tpot, itl,"
    " latency), as in ttft=1s,tpot=50ms, or 99 % with @p99 at the end. The load is a concurrency,"
    " with --rate an arrival rate.",
)  # fmt: skip
SHARE: Option[str] = Option(
    name="share", metavar="I/N", default="0/1",
    help="Be client I (from 0) of N clients that load one server together; needs --start-at. `nobs"
    " collect` merges their reports. auto: I and N from Slurm; auto/N: I from Slurm or a Kubernetes"
    " Indexed Job.",
)  # fmt: skip
START_AT: Option[str] = Option(
    name="start_at", metavar="TIME",
    help="Agreed start of the first load level of all clients, after their repeats: ISO 8601 with a"
    " zone, seconds since 1970, or +90s.",
)  # fmt: skip
SLOT: Option[float] = Option(
    name="slot", kind=float, metavar="S", default="60",
    help="Seconds from the start of a load level to that of the next one, with --start-at.",
)  # fmt: skip
SHARES: tuple[Option[Any], ...] = (SHARE, START_AT, SLOT)
LOAD: tuple[Option[Any], ...] = (CONCURRENCY, RATE, ARRIVALS, SWEEP, SLO, *SHARES)
