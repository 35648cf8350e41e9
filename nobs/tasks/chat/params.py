"""Parameters that the workloads of served models share."""

from pydantic import Field

from nobs.schema.base import Record
from nobs.schema.share import Share
from nobs.tasks.chat.arrivals import Arrivals
from nobs.tasks.chat.promise import Promise
from nobs.tasks.parameters import ClosedParams


class LoadParams(Record):
    """Load levels to measure after the repeats; they make the result open."""

    concurrency: tuple[int, ...] = ()
    """Requests in flight, one load level each."""
    rates_per_s: tuple[float, ...] = ()
    """Requests that arrive per second, one load level each."""
    arrivals: Arrivals = Arrivals.POISSON
    sweep: bool = False
    """Whether the concurrency is doubled until throughput stops growing."""
    seed: int = 1
    """Of the arrival times."""
    slo: Promise | None = None
    """Latency promise whose highest load is searched for, after the other levels: among arrival
    rates if there are `rates_per_s`, else among concurrencies; null: no search."""
    share: Share | None = Field(None, exclude_if=lambda value: value is None)
    """The part of this client, if several drive the load (`--share`); absent: it drives all."""


class ChatParams(ClosedParams):
    """Parameters of requests to a served model."""

    max_output_tokens: int = Field(2048, gt=0)
    """Limit of a request, reasoning included."""
    temperature: float = Field(0.0, ge=0)
    """0: always the most probable token."""
    warmup_prompts: int = Field(1, ge=0)
    """Prompts that are sent before measuring."""
    min_output_tokens: int = Field(2, gt=0)
    """An answer with fewer tokens has no generation time: it fails as `short`."""
    load: LoadParams | None = None
    """Load levels that are measured after the repeats; null: none."""


class ColdParams(ChatParams):
    """Parameters of cold starts of a server: the first two requests after each.

    Both are made from the first row, each after a nonce of its own.
    """
