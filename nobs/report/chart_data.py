"""What charts draw of a model beside its figures; reports of others may hold anything there."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from nobs.report.figures import FIGURES, at, number, read_runs
from nobs.text import to_line

PHASES = ("tokenise", "copy_in", "forward", "copy_out", "other")
MAX_SAMPLES = 100
MAX_REQUESTS = 100
MAX_LEVELS = 50
MAX_TRIALS = 50


@dataclass(frozen=True, kw_only=True)
class LoadPoint:
    """One level of load with a fixed number of requests at once."""

    concurrency: float
    tokens_per_sec: float
    """Output tokens of all requests together."""
    ttft_s: float | None
    """Median time to the first token."""
    p95_ttft_s: float | None


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One choice of settings that tuning tried."""

    settings: str
    batch_size: float
    rows_per_s: float | None
    """None where it failed."""
    outcome: str


def read_samples(model: Mapping[str, Any]) -> tuple[float, ...]:
    """Return the raw rates in their order; older reports tell them in `all_runs` only."""
    rates = tuple(_rates(_thin(model.get("samples"))))
    runs = (read_runs(figure, model) for figure in FIGURES if figure.run_fields)
    return rates or tuple(_thin(next(filter(None, runs), ())))


def _rates(samples: Iterable[object]) -> Iterator[float]:
    for sample in samples:
        units, duration_s = number(at(sample, "units")), number(at(sample, "duration_s"))
        rate = number(units / duration_s) if units and duration_s and duration_s > 0 else None
        if rate is not None:
            yield rate


def read_starts(model: Mapping[str, Any]) -> tuple[float, ...]:
    """Return when each sample began, in seconds since the first one; nothing if not told."""
    starts = (number(at(sample, "start_s")) for sample in _thin(model.get("samples")))
    return tuple(start for start in starts if start is not None)


def _thin(value: object) -> Sequence[Any]:
    """Return at most MAX_SAMPLES of a list, spread evenly, so that a late change is seen."""
    values = _list(value)
    count = len(values)
    if count <= MAX_SAMPLES:
        return values
    return [values[place * (count - 1) // (MAX_SAMPLES - 1)] for place in range(MAX_SAMPLES)]


def read_requests(model: Mapping[str, Any]) -> tuple[tuple[float, float], ...]:
    """Return output tokens and latency in seconds of each request."""
    return tuple(islice(_requests(model.get("all_runs")), MAX_REQUESTS))


def _requests(value: object) -> Iterator[tuple[float, float]]:
    """Find every request below `value` that says its output tokens and its latency."""
    if isinstance(value, dict):
        tokens, latency = number(value.get("output_tokens")), number(value.get("total_latency_s"))
        if tokens is not None and latency is not None:
            yield tokens, latency
            return
        value = list(value.values())
    for part in _list(value):
        if isinstance(part, dict | list | tuple):
            yield from _requests(part)


def read_levels(model: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the levels of load as they stand in the report."""
    return [each for each in _list(at(model, "load.levels")) if isinstance(each, Mapping)]


def read_loads(model: Mapping[str, Any]) -> tuple[LoadPoint, ...]:
    """Return the levels whose number of requests at once was fixed."""
    return tuple(islice(_loads(model), MAX_LEVELS))


def _loads(model: Mapping[str, Any]) -> Iterator[LoadPoint]:
    for level in read_levels(model):
        concurrency, rate = number(at(level, "concurrency")), number(at(level, "tokens_per_sec"))
        if concurrency and rate is not None and concurrency > 0:
            yield LoadPoint(
                concurrency=concurrency,
                tokens_per_sec=rate,
                ttft_s=number(at(level, "median_ttft_s")),
                p95_ttft_s=number(at(level, "p95_ttft_s")),
            )


def read_phases(model: Mapping[str, Any]) -> tuple[float, ...]:
    """Return the share of each of PHASES in one pass of `encode`; nothing if one isn't told."""
    told = [number(at(model, f"encode_phases.{name}_s")) for name in PHASES]
    seconds = [value for value in told if value is not None and value >= 0]
    total = sum(seconds)
    if len(seconds) < len(PHASES) or not 0 < total < float("inf"):
        return ()
    return tuple(value / total for value in seconds)


def read_trials(model: Mapping[str, Any]) -> tuple[Trial, ...]:
    """Return what tuning tried, in its order."""
    return tuple(islice(_trials(model), MAX_TRIALS))


def _trials(model: Mapping[str, Any]) -> Iterator[Trial]:
    for trial in _list(at(model, "tuning.trials")):
        batch_size = number(at(trial, "batch_size"))
        if batch_size and batch_size > 0:
            yield Trial(
                settings=_join(at(trial, "dtype"), at(trial, "attention")),
                batch_size=batch_size,
                rows_per_s=number(at(trial, "rows_per_s")),
                outcome=to_line(at(trial, "outcome")),
            )


def read_settings(model: Mapping[str, Any]) -> str:
    """Return with what the model ran: its number format, batch and kernel, or its server's."""
    batch_size = number(at(model, "batch_size"))
    return _join(
        at(model, "dtype"),
        f"batch {batch_size:g}" if batch_size else None,
        at(model, "attention_implementation"),
        at(model, "server.identity.quantization"),
        at(model, "server.identity.runtime") or at(model, "server.provider"),
    )


def _join(*parts: object) -> str:
    return ", ".join(to_line(part) for part in parts if isinstance(part, str) and part)


def _list(value: object) -> list[Any] | tuple[Any, ...]:
    return value if isinstance(value, list | tuple) else ()
