"""Figures and charts of a latency promise."""

from collections.abc import Callable, Sequence
from itertools import islice
from math import floor

from nobs.tasks.charts import MAX_POINTS, Chart, ChartKind, Point
from nobs.tasks.chat.load_report import LoadLevel, PromiseAnswer, SteadyState
from nobs.tasks.chat.promise_answer import is_on
from nobs.tasks.chat.report import ChatModelReport
from nobs.tasks.chat.search import Axis
from nobs.tasks.figures import Cost, Figure, Kind, Measured, measured


def _answer(model: ChatModelReport) -> PromiseAnswer | None:
    return model.load.promise if model.load else None


def _bound(axis: Axis) -> Callable[[ChatModelReport], Measured | None]:
    def read(model: ChatModelReport) -> Measured | None:
        answer = _answer(model)
        if answer is None or answer.axis != axis or answer.holds_at is None:
            return None
        low, high = answer.holds_at, answer.fails_at
        if high is None or answer.estimate is None or not low <= answer.estimate <= high:
            return Measured(value=low)
        # Rounded down: 4.6 users would be shown as 5, of whom the promise may fail.
        value = answer.estimate if axis is Axis.RATE else float(floor(answer.estimate))
        return Measured(value=value, low=low, high=high, confidence=0.95)

    return read


def _once(read: Callable[[ChatModelReport], Measured | None]) -> Callable[..., list[float]]:
    """Return the value as that of a single repeat: comparisons show it and draw no conclusion."""

    def runs(model: ChatModelReport) -> list[float]:
        found = read(model)
        return [found.value] if found else []

    return runs


def _goodput(model: ChatModelReport) -> Measured | None:
    answer = _answer(model)
    return measured(answer.goodput_per_sec) if answer else None


def _at_promise(
    read: Callable[[SteadyState], float | None],
) -> Callable[[ChatModelReport], Measured | None]:
    """Return what reads a rate at the highest load at which the promise holds."""

    def read_promised(model: ChatModelReport) -> Measured | None:
        answer = _answer(model)
        if answer is None or answer.holds_at is None:
            return None
        rates = (
            read(level.steady)
            for level in _levels(model, Axis.RATE if answer.axis == Axis.RATE else Axis.CONCURRENCY)
            if level.steady and answer.holds_at in (level.rate_per_s, level.concurrency)
        )
        return measured(next(rates, None))

    return read_promised


PROMISE_FIGURES: tuple[Figure[ChatModelReport], ...] = (
    Figure(
        key="promised_concurrency", label="users, SLO", kind=Kind.COUNT,
        title="Concurrent requests within the SLO",
        meaning="highest number of concurrent requests at which the SLO holds",
        read=_bound(Axis.CONCURRENCY), runs=_once(_bound(Axis.CONCURRENCY)),
    ),
    Figure(
        key="promised_requests_per_sec", label="requests/s, SLO", kind=Kind.RATE,
        title="Requests per second within the SLO",
        meaning="highest rate of arriving requests at which the SLO holds",
        read=_bound(Axis.RATE), runs=_once(_bound(Axis.RATE)),
    ),
    Figure(
        key="goodput_requests_per_sec", label="goodput/s", kind=Kind.RATE, title="Goodput",
        meaning="requests per second that kept the SLO, at the best load",
        read=_goodput, runs=_once(_goodput),
    ),
    Figure(
        key="promised_tokens_per_sec", label="tokens/s, SLO", kind=Kind.RATE,
        is_charted=False,
        meaning="output tokens/s of all requests at the highest load within the SLO",
        read=_at_promise(lambda steady: steady.tokens_per_sec),
        cost=Cost(
            key="usd_per_1m_output_tokens_promised", label="$/1M output, SLO",
            units=1_000_000, is_metered=False,
            work="1M output tokens with their prompts, at the highest load within the SLO",
        ),
    ),
    Figure(
        key="promised_input_tokens_per_sec", label="input tokens/s, SLO", kind=Kind.RATE,
        is_charted=False,
        meaning="input tokens/s of all requests at the highest load within the SLO",
        read=_at_promise(lambda steady: steady.input_tokens_per_sec),
        cost=Cost(
            key="usd_per_1m_input_tokens_promised", label="$/1M input, SLO",
            units=1_000_000, is_metered=False,
            work="1M input tokens with their answers, at the highest load within the SLO",
        ),
    ),
)  # fmt: skip


def _levels(model: ChatModelReport, axis: Axis) -> list[LoadLevel]:
    levels = model.load.levels if model.load else ()
    return [level for level in levels if is_on(level, axis)]


def _goodputs(axis: Axis) -> Callable[[ChatModelReport], Sequence[Point]]:
    def read(model: ChatModelReport) -> Sequence[Point]:
        points = [
            Point(x=load, y=level.promise.goodput_per_sec)
            for level in _levels(model, axis)
            if level.promise and (load := level.rate_per_s or level.concurrency or 0) > 0
        ]
        return list(islice(sorted(points, key=lambda point: point.x), MAX_POINTS))

    return read


PROMISE_CHARTS: tuple[Chart[ChatModelReport], ...] = (
    Chart(
        key="goodput_by_concurrency", kind=ChartKind.LINES, title="Goodput by concurrency",
        text="Requests per second that kept the SLO.",
        x="concurrency (requests in flight)", doubles=True, y="requests/s", least=2,
        read=_goodputs(Axis.CONCURRENCY),
    ),
    Chart(
        key="goodput_by_rate", kind=ChartKind.LINES, title="Goodput by arrival rate",
        text="Requests per second that kept the SLO, against all that arrived.",
        x="requests that arrive per second", y="requests/s", least=2,
        read=_goodputs(Axis.RATE),
    ),
)  # fmt: skip
