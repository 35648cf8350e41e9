"""Read the few metrics of interest from the Prometheus text that servers publish; pure.

The text comes from a server that nobody vouches for, so its size, its lines and its numbers are
bounded. Most of it are histograms of no interest: lines are found by name and the others never
looked at, which is fast enough to run beside a measurement.

Sources of the names (Python's Prometheus client appends `_total` to counters):

- vLLM: `vllm/v1/metrics/loggers.py`; earlier releases have `gpu_` in the names of both caches.
- SGLang: `python/sglang/srt/observability/metrics_collector.py`, earlier
  `srt/metrics/collector.py`. `num_retracted_reqs` is a gauge; the counter was added later.
- llama.cpp: `tools/server/server-task.cpp`, and the program of xllamacpp 2026.10 (b11549).
  `kv_cache_usage_ratio` was removed by its pull request 13660.
- TGI: `docs/source/reference/metrics.md`; a histogram has its tokens as `_sum`.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import isfinite

MAX_LINE_BYTES = 8192
MAX_SERIES = 4096
MAX_VALUE = 2**53
_SAMPLE = re.compile(
    rb"""
    (?:\{ (?P<labels> (?:[^"}]|"(?:[^"\\]|\\.)*+")*+ ) \})?
    [ \t]+ (?P<value> [+-]?(?:[0-9.]+(?:[eE][+-]?[0-9]+)?|Inf|NaN))
    (?:[ \t]+ -?[0-9.eE+-]+)?       # time stamp
    (?:[ \t]+ \# .*)?              # exemplar
    [ \t\r]*
    """,
    re.VERBOSE,
)
_LABEL = re.compile(rb'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"')
_OF_RANKS = frozenset({"tp_rank", "pp_rank", "moe_ep_rank", "pid"})
"""Labels of processes that compute the same requests together: they count once."""
_OF_MODELS = ("model_name", "model")
SHARE = "kv_usage"
"""The only value that isn't a count."""


@dataclass(frozen=True, kw_only=True)
class Family:
    """The metrics of one kind of server: the names of each value, newest first."""

    kind: str
    names: Mapping[str, tuple[str, ...]]


FAMILIES = (
    Family(
        kind="vllm",
        names={
            "running": ("vllm:num_requests_running",),
            "waiting": ("vllm:num_requests_waiting",),
            SHARE: ("vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc"),
            "preemptions": ("vllm:num_preemptions_total",),
            "cached_tokens": (
                "vllm:prefix_cache_hits_total", "vllm:gpu_prefix_cache_hits_total",
            ),
            "output_tokens": ("vllm:generation_tokens_total",),
            "requests": ("vllm:request_success_total",),
        },
    ),
    Family(
        kind="sglang",
        names={
            "running": ("sglang:num_running_reqs",),
            "waiting": ("sglang:num_queue_reqs",),
            SHARE: ("sglang:token_usage",),
            "preemptions": ("sglang:num_retracted_requests_total",),
            "cached_tokens": ("sglang:cached_tokens_total",),
            "output_tokens": ("sglang:generation_tokens_total",),
            "requests": ("sglang:num_requests_total",),
        },
    ),
    Family(
        kind="llama.cpp",
        names={
            "running": ("llamacpp:requests_processing",),
            "waiting": ("llamacpp:requests_deferred",),
            SHARE: ("llamacpp:kv_cache_usage_ratio",),
            "cached_tokens": ("llamacpp:prompt_tokens_cached_total",),
            "output_tokens": ("llamacpp:tokens_predicted_total",),
        },
    ),
    Family(
        kind="tgi",
        names={
            "running": ("tgi_batch_current_size",),
            "waiting": ("tgi_queue_size",),
            "output_tokens": ("tgi_request_generated_tokens_sum",),
            "requests": ("tgi_request_success",),
        },
    ),
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Values:
    """The values of one read, by their names in a `Family`; those that are missing aren't there."""

    kind: str
    values: Mapping[str, float]


type Labels = Mapping[str, str]


def read_values(text: bytes, model: str) -> Values | None:
    """Return the values of the first kind of server that `text` has any metric of.

    Where metrics have the label of `model`, those of other models are left out. The series of
    several engines are added up; of the shares, the highest counts.
    """
    for family in FAMILIES:
        values = {}
        for value, names in family.names.items():
            found = (_total(value, list(_series(text, name)), model) for name in names)
            total = next((each for each in found if each is not None), None)
            if total is not None:
                values[value] = total
        if values:
            return Values(kind=family.kind, values=values)
    return None


def read_start(text: bytes) -> float | None:
    """Return when the server's process started, in seconds since 1970; None if `text` has it not.

    Python's Prometheus client publishes it, as in vLLM; it distinguishes processes of one model.
    """
    found = [value for _, value in _series(text, "process_start_time_seconds")]
    return found[0] if len(found) == 1 and isfinite(found[0]) and found[0] > 0 else None


def has_known_names(text: bytes) -> bool:
    """Return whether `text` has the name of any metric, whatever its value."""
    return any(
        any(True for _ in _lines(text, name.encode()))
        for family in FAMILIES
        for names in family.names.values()
        for name in names
    )


def _total(value: str, series: Iterable[tuple[Labels, float]], model: str) -> float | None:
    """Return the value of all series together; None if there is none, or one isn't a number."""
    series = list(series)
    if ours := [each for each in series if model in map(each[0].get, _OF_MODELS)]:
        series = ours
    most = 1.0 if value == SHARE else MAX_VALUE
    if not series or any(not (isfinite(each) and 0 <= each <= most) for _, each in series):
        return None
    if value == SHARE:
        return max(each for _, each in series)
    groups: dict[frozenset[tuple[str, str]], float] = {}
    for labels, each in series:
        group = frozenset(label for label in labels.items() if label[0] not in _OF_RANKS)
        groups[group] = max(each, groups.get(group, 0.0))
    return sum(groups.values())


def _series(text: bytes, name: str) -> Iterator[tuple[Labels, float]]:
    """Yield labels and value of each line of a metric."""
    for rest in _lines(text, name.encode()):
        match = _SAMPLE.fullmatch(rest)
        if match is None:
            continue
        try:
            value = float(match["value"])
        except ValueError:
            continue
        yield _labels(match["labels"] or b""), value


def _lines(text: bytes, name: bytes) -> Iterator[bytes]:
    """Yield what follows `name` in each line that begins with it, within the bounds."""
    start = found = 0
    while found < MAX_SERIES and (start := text.find(name, start)) >= 0:
        is_first = start == 0 or text[start - 1] in b"\n"
        start += len(name)
        if not is_first or text[start : start + 1] not in (b"{", b" ", b"\t"):
            continue
        end = text.find(b"\n", start)
        end = len(text) if end < 0 else end
        if end - start <= MAX_LINE_BYTES:
            found += 1
            yield text[start:end]


def _labels(text: bytes) -> Labels:
    pairs = (
        (name.decode(), value.decode(errors="replace")) for name, value in _LABEL.findall(text)
    )
    return dict(pairs)
