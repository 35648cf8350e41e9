"""An M/D/1 queue: one server, a fixed time of service, Poisson arrivals; in theory and as a server.

The waiting time W of such a queue, with arrivals of `rate` per second and a service of `service_s`,
is known in closed form (Erlang 1909; Gross and Harris, Fundamentals of Queueing Theory, 2.10):

    P(W <= t) = (1 - rate * service_s) * sum over k = 0 .. floor(t / service_s) of
                (-rate * (t - k * service_s))^k / k! * exp(rate * (t - k * service_s))

A request takes W + `service_s`. The throughput saturates at 1 / `service_s`.
"""

import asyncio
import math
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from nobs.providers.chat import ChatRequest
from nobs.schema.server import Connection
from nobs.tasks.chat.guard import LoadGuard
from nobs.tasks.chat.levels import Level
from nobs.tasks.chat.load_figures import level_figures
from nobs.tasks.chat.load_report import LoadLevel, LoadTable, PromiseAnswer
from nobs.tasks.chat.load_table import LoadMeter
from nobs.tasks.chat.params import LoadParams
from nobs.tasks.chat.promise import Promise
from nobs.tasks.chat.promise_answer import search_promise, with_promise
from nobs.tasks.chat.search import Axis
from nobs.tasks.chat.server_watch import ServerWatch
from tests.fakes.llm_answers import MODEL, stream, whole_server
from tests.fakes.llm_records import answered
from tests.fakes.llm_server import Answered, Script, serving


@dataclass(frozen=True, kw_only=True)
class Md1:
    """The theory of the queue."""

    service_s: float

    @property
    def knee_per_s(self) -> float:
        """The highest throughput, in requests per second."""
        return 1 / self.service_s

    def share_within(self, limit_s: float, rate: float) -> float:
        """Return the share of requests that take at most `limit_s` at a `rate` below the knee."""
        wait_s, load = limit_s - self.service_s, rate * self.service_s
        if wait_s < 0:
            return 0.0
        found = 0.0
        for k in range(int(wait_s / self.service_s) + 1):
            x = rate * (wait_s - k * self.service_s)
            found += (-x) ** k / math.factorial(k) * math.exp(x)
        return (1 - load) * found

    def bound_per_s(self, limit_s: float, share: float) -> float:
        """Return the highest rate at which `share` of the requests take at most `limit_s`."""
        low, high = 0.0, self.knee_per_s
        for _ in range(60):
            middle = (low + high) / 2
            is_kept = self.share_within(limit_s, middle) >= share
            low, high = (middle, high) if is_kept else (low, middle)
        return low

    def latencies_s(self, arrivals_s: list[float]) -> list[float]:
        """Return how long the requests that come at `arrivals_s` take."""
        found, free_s = [], 0.0
        for at_s in arrivals_s:
            free_s = max(at_s, free_s) + self.service_s
            found.append(free_s - at_s)
        return found

    def poisson_s(self, rate: float, count: int, seed: int) -> list[float]:
        """Return `count` arrival times."""
        generator, at_s, found = random.Random(seed), 0.0, []
        for _ in range(count):
            at_s += generator.expovariate(rate)
            found.append(at_s)
        return found


@dataclass
class SimulatedLoad:
    """Measures levels of a queue in simulated time."""

    queue: Md1
    promise: Promise
    seed: int
    count: int = 2000
    """Requests of each level."""
    levels: list[LoadLevel] = field(default_factory=list)

    def search(self, first_rate: float) -> PromiseAnswer:
        """Search from `first_rate` on."""
        self.measure(Level(rate_per_s=first_rate))
        return search_promise(self.levels, self.promise, Axis.RATE, self.measure)

    def measure(self, level: Level) -> None:
        """Add one level; it may end early."""
        assert level.rate_per_s is not None
        seed = 1000 * self.seed + len(self.levels)
        arrivals_s = self.queue.poisson_s(level.rate_per_s, self.count, seed)
        guard, records, ends_ns = LoadGuard(is_open=True), [], deque[int]()
        for at_s, took_s in zip(arrivals_s, self.queue.latencies_s(arrivals_s), strict=True):
            while ends_ns and ends_ns[0] <= at_s * 1e9:
                guard.ended(ends_ns.popleft(), is_answered=True)
            if guard.verdict:
                break
            guard.started(int(at_s * 1e9))
            ends_ns.append(int((at_s + took_s) * 1e9))
            records.append(answered(1e3 * at_s, 1e3 * took_s))
        figures = level_figures(level, records).model_copy(update={"ended_early": guard.verdict})
        self.levels.append(with_promise(figures, records, self.promise))


def queue_answers(service_s: float, tokens: int = 2) -> Callable[[Answered], Script]:
    """Answer one request after the other, each `service_s` after it was its turn.

    All tokens come at that time: TTFT and latency are waiting time and service.
    """
    free_ns = 0

    def choose(asked: Answered) -> Script:
        nonlocal free_ns
        free_ns = max(asked.received_ns, free_ns) + int(service_s * 1e9)
        return stream(tokens, ttft_s=(free_ns - asked.received_ns) / 1e9)

    return choose


def measure_queue(service_s: float, params: LoadParams, level_s: float) -> LoadTable:
    """Serve the queue and return what its load levels measure, a rate's for `level_s` at least."""
    with serving(whole_server(queue_answers(service_s))) as server, asyncio.Runner() as loop:
        meter = LoadMeter(
            loop=loop, params=params, level_s=level_s, latency_s=service_s, check=lambda each: each,
            watch=ServerWatch(Connection(base_url=server.url, request_timeout_s=60), MODEL),
            make=lambda count: [request(number) for number in range(count)],
        )  # fmt: skip
        return meter.measure(1)


def request(number: int) -> ChatRequest:
    """Return a request that no other is like."""
    messages = [{"role": "user", "content": f"{number}"}]
    return ChatRequest(model=MODEL, messages=messages, max_tokens=8, temperature=0.0)
