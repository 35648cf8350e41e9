"""What reports are read for: one table of figures, where each stands and how it is shown."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from nobs.units import format_bytes, format_rate, format_seconds


class Kind(StrEnum):
    """How a figure is written."""

    RATE = "rate"
    SECONDS = "seconds"
    BYTES = "bytes"
    SHARE = "share"
    COUNT = "count"


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One figure of a model's report."""

    key: str
    label: str
    """Heading of a column."""
    title: str = ""
    """Heading of a chart, where the label doesn't suffice."""
    meaning: str = ""
    """What it is, where neither of them says it."""
    kind: Kind
    paths: tuple[str, ...]
    """Dotted places in the model's report; the first that holds a number counts."""
    interval: str = ""
    """Dotted place of its confidence interval."""
    interval_of_time: bool = False
    """Whether that interval is one of seconds for the rows of a pass, not of a rate."""
    run_fields: tuple[str, ...] = ()
    """Names of the raw values in `all_runs`."""
    lower_is_better: bool = False
    inverse_of: float | None = None
    """Where the report holds this many over the figure, as in joules per 1,000 rows."""
    is_charted: bool = True
    rule: str = ""
    """Dotted place that only reports have which compute the figure by today's rule; reports by
    different rules are not compared."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A value with its confidence interval, where it has one."""

    value: float
    low: float | None = None
    high: float | None = None
    confidence: float | None = None


FIGURES = (
    Figure(key="rows_per_second", label="rows/s", title="Throughput", kind=Kind.RATE,
           paths=("final_median_rows_per_second",), interval="encoding_time_interval",
           interval_of_time=True, run_fields=("rows_per_second",)),
    Figure(key="tokens_per_sec", label="tokens/s", title="Throughput", kind=Kind.RATE,
           paths=("final_median_tokens_per_sec",), interval="tokens_per_sec_interval",
           rule="total_streamed_tokens", run_fields=("tokens_per_sec", "median_tokens_per_sec")),
    Figure(key="latency_s", label="latency", title="Latency", kind=Kind.SECONDS,
           paths=("final_median_latency_s",), interval="latency_interval",
           run_fields=("latency_s", "median_latency_s"), lower_is_better=True),
    Figure(key="ttft_s", label="first token", title="Time to first token", kind=Kind.SECONDS,
           paths=("final_median_ttft_s",), interval="ttft_interval",
           run_fields=("ttft_s", "median_ttft_s"), lower_is_better=True),
    Figure(key="time_s", label="time", kind=Kind.SECONDS,
           paths=("final_median_encoding_time_seconds",), interval="encoding_time_interval",
           run_fields=("encoding_time_seconds",), lower_is_better=True, is_charted=False),
    Figure(key="share_of_limit", label="of limit", title="Share of the limit", kind=Kind.SHARE,
           meaning="FLOP/s of the model's tokens, over those of a large matrix product on the same"
           " device in the same number format",
           paths=("arithmetic.share_of_matmul",), interval="encoding_time_interval",
           interval_of_time=True),
    Figure(key="rows_per_joule", label="rows/J", title="Rows per joule", kind=Kind.RATE,
           paths=("joules_per_1000_rows.value",), inverse_of=1000.0),
    Figure(key="tokens_per_joule", label="tokens/J", title="Tokens per joule", kind=Kind.RATE,
           paths=("joules_per_1000_tokens.value",), inverse_of=1000.0),
    Figure(key="input_tokens_per_second", label="tokens/s in", kind=Kind.RATE,
           paths=("final_median_tokens_per_second",), is_charted=False),
    Figure(key="score", label="score", kind=Kind.RATE, paths=("task_score",), is_charted=False),
    Figure(key="peak_device_bytes", label="device memory", kind=Kind.BYTES,
           paths=("memory.device_peak_allocated_bytes",), lower_is_better=True,
           is_charted=False),
    Figure(key="peak_rss_bytes", label="memory", kind=Kind.BYTES,
           paths=("memory.peak_rss_bytes",), lower_is_better=True, is_charted=False),
)  # fmt: skip
BY_KEY: Mapping[str, Figure] = {figure.key: figure for figure in FIGURES}
_FORMATS: Mapping[Kind, Callable[[float], str]] = {
    Kind.RATE: format_rate,
    Kind.SECONDS: format_seconds,
    Kind.BYTES: format_bytes,
    Kind.SHARE: "{:.1%}".format,
    Kind.COUNT: "{:,.0f}".format,
}


def read_figures(model: Mapping[str, Any], dataset_size: int) -> dict[str, Measured]:
    """Return the figures that `model` holds, in the order of the table."""
    found = ((figure.key, _read(figure, model, dataset_size)) for figure in FIGURES)
    return {key: measured for key, measured in found if measured is not None}


def read_runs(figure: Figure, model: Mapping[str, Any]) -> list[float]:
    """Return the raw positive values of `figure`, one a repeat."""
    runs = model.get("all_runs")
    values = (_run_value(figure, run) for run in runs) if isinstance(runs, list | tuple) else ()
    return [value for value in values if value is not None and value > 0]


def format_value(figure: Figure, value: float) -> str:
    """Return `value` for people."""
    return _FORMATS[figure.kind](value)


def number(value: object) -> float | None:
    """Return a finite number, None for anything else: reports of others may hold anything."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None


def at(value: object, path: str) -> Any:  # noqa: ANN401 - any JSON value
    """Return what stands at the dotted `path`, None if nothing does."""
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _read(figure: Figure, model: Mapping[str, Any], dataset_size: int) -> Measured | None:
    value = next(_numbers(model, figure.paths), None)
    if value is None:
        return None
    if figure.inverse_of is not None:
        inverse = number(figure.inverse_of / value) if value > 0 else None
        return None if inverse is None else Measured(value=inverse)
    ends = _interval(figure, model, value, dataset_size)
    if ends is None:
        return Measured(value=value)
    confidence = number(at(model, f"{figure.interval}.confidence"))
    return Measured(value=value, low=ends[0], high=ends[1], confidence=confidence)


def _interval(
    figure: Figure, model: Mapping[str, Any], value: float, dataset_size: int
) -> tuple[float, float] | None:
    """Return both ends of the interval, None where it isn't told or makes no sense."""
    interval = at(model, figure.interval) if figure.interval else None
    low, high = number(at(interval, "low")), number(at(interval, "high"))
    if low is None or high is None:
        return None
    if not figure.interval_of_time:
        return low, high
    work = _work_of_a_pass(figure, model, value, dataset_size)
    if min(low, high, work) <= 0 or number(work / low) is None:
        return None
    return work / high, work / low


def _work_of_a_pass(
    figure: Figure, model: Mapping[str, Any], value: float, dataset_size: int
) -> float:
    """Return what over the seconds of a pass gives `value`."""
    if figure.kind is Kind.RATE:
        return number(model.get("rows_per_pass")) or dataset_size
    return value * (number(model.get("final_median_encoding_time_seconds")) or 0.0)


def _numbers(model: Mapping[str, Any], paths: tuple[str, ...]) -> Iterator[float]:
    for path in paths:
        value = number(at(model, path))
        if value is not None:
            yield value


def _run_value(figure: Figure, run: object) -> float | None:
    return next(_numbers(run, figure.run_fields), None) if isinstance(run, Mapping) else None
