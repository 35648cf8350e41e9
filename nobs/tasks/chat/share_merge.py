"""Merge what several clients measured of one load into the figures of all their requests."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Any
from urllib.parse import urlsplit

from nobs.schema.enums import Status
from nobs.schema.result import Phases
from nobs.schema.server import SERVER_PORTS
from nobs.tasks.base import NotMergeable
from nobs.tasks.chat.aggregate import figures_of
from nobs.tasks.chat.client_cost import ClientCost
from nobs.tasks.chat.levels import Level, levels_of
from nobs.tasks.chat.load_checks import client_limit
from nobs.tasks.chat.load_figures import level_figures
from nobs.tasks.chat.load_report import LoadLevel, LoadTable
from nobs.tasks.chat.params import LoadParams
from nobs.tasks.chat.raw import merged_gaps_of, unpack
from nobs.tasks.chat.report import ChatModelReport
from nobs.tasks.chat.server_report import ServerWindow
from nobs.tasks.chat.share_report import LoadMerge, LoadShare, MergedShare, RawRequests
from nobs.text import join_words, to_line
from nobs.units import format_seconds, format_share

MAX_APART_S = 0.5
"""Clocks that are surely further apart say nothing about which requests were at once."""
MAX_STEP_S = 0.1
"""A clock that moved further during the load was set."""
MIN_OVERLAP = 0.5
"""Share of a level's time in which all clients must have sent."""
GOOD_OVERLAP = 0.9
"""Below this share the level is reported with a warning."""
_RESET = ("samples", "repeats_started", "verdict", "telemetry", "sustained", "chunk_gaps", "itl",
          "server_metrics", "joules_per_1000_tokens", "template_tokens", "calibrations", "checks",
          "client_accuracy", "flags", "warnings")  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class _Client:
    """One share with its run."""

    run: str
    model: ChatModelReport
    load: LoadShare
    levels: Sequence[LoadLevel]

    @property
    def name(self) -> str:
        return f"share {self.load.share} ({to_line(self.run)})"


def merge_models(
    runs: Sequence[str], models: Sequence[ChatModelReport], params: LoadParams
) -> ChatModelReport:
    """Return one model whose load levels have the requests of all `models`; NotMergeable if not.

    It has no repeats: those of each client were beside the others'.
    """
    wholes = list(levels_of(params))
    clients = list(_clients(runs, models, len(wholes)))
    reasons = list(_faults(clients))
    overlaps = [_overlap([client.load.raw[n] for client in clients]) for n in range(len(wholes))]
    for whole, overlap in zip(wholes, overlaps, strict=True):
        if overlap < MIN_OVERLAP:
            reasons.append(
                f"at {whole} the clients sent together for {format_share(overlap)} of the time only"
            )
    if reasons:
        raise NotMergeable(reasons)
    watching = next((c for c in clients if any(level.server for level in c.levels)), None)
    load = LoadTable(
        levels=tuple(_level(n, whole, clients) for n, whole in enumerate(wholes)),
        arrivals=params.arrivals, seed=params.seed, knee=None,
        merged=LoadMerge(
            start=clients[0].load.share.start, slot_s=clients[0].load.share.slot_s,
            shares=tuple(map(_describe, clients)), clocks_apart_s=_most_apart_s(clients),
            overlaps=tuple(overlaps), watching=watching.load.share.index if watching else None,
        ),
    )  # fmt: skip
    base = models[0]
    names = {*figures_of(()), *_RESET, *_of_repeats(base)}
    fields = type(base).model_fields
    blank = {name: fields[name].get_default(call_default_factory=True) for name in names}
    found: dict[str, Any] = {"load": load, "warnings": tuple(_warnings(load)), "phases": Phases()}
    if watching and watching.model.server_metrics:
        seen = watching.model.server_metrics.model_copy(update={"repeats": None})
        found["server_metrics"] = seen
    return base.model_copy(update={**blank, **found})


def _of_repeats(model: ChatModelReport) -> Iterator[str]:
    """Yield the fields that a task adds for figures of its repeats."""
    yield from (name for name in type(model).model_fields if name.startswith("final_median_"))
    yield from (name for name in type(model).model_fields if name.endswith("_interval"))


def _clients(
    runs: Sequence[str], models: Sequence[ChatModelReport], levels: int
) -> Iterator[_Client]:
    """Yield the clients by their numbers; NotMergeable for those without a whole load."""
    reasons = []
    for run, model in zip(runs, models, strict=True):
        load = model.load.share if model.load else None
        if model.status is not Status.OK or model.load is None or load is None:
            why = model.failure.message.rstrip(".") if model.failure else "it has no load"
            reasons.append(f"the share of {to_line(run)} failed: {to_line(why, 200)}")
        elif len(load.raw) != levels or len(model.load.levels) != levels:
            found = f"{len(load.raw)} of {levels} load levels"
            reasons.append(f"share {load.share} ({to_line(run)}) has {found}")
        else:
            yield _Client(run=run, model=model, load=load, levels=model.load.levels)
    if reasons:
        raise NotMergeable(reasons)


def _faults(clients: Sequence[_Client]) -> Iterator[str]:
    """Yield why the clients didn't drive one load of one server."""
    yield from _server_faults(clients)
    for client in clients:
        if abs(client.load.clock_step_s) > MAX_STEP_S:
            moved = format_seconds(abs(client.load.clock_step_s))
            yield f"the clock of {client.name} was set by {moved} during the load"
    for client, other in permutations(clients, 2):
        clock, another = client.load.clock, other.load.clock
        apart_s = clock.low_s - another.high_s if clock and another else 0.0
        if apart_s > MAX_APART_S:
            yield (
                f"the clock of {client.name} is at least {format_seconds(apart_s)} ahead of that of"
                f" {other.name}"
            )


def _server_faults(clients: Sequence[_Client]) -> Iterator[str]:
    """Yield why the clients didn't use one server.

    One of two names or addresses is the same if it has the same port, model and software, and its
    process started at the same time, to the hundredth of a second that Linux knows.
    """
    urls = list(dict.fromkeys(_url(client) for client in clients))
    places = {_place(url) for url in urls}
    kinds = list(dict.fromkeys(_server(client.model) for client in clients))
    starts = {client.load.server_started_s for client in clients}
    if len(kinds) > 1 or len(places) > 1 or (len(urls) > 1 and len(starts - {None}) > 1):
        named = dict.fromkeys(f"{_url(client)} {_server(client.model)}" for client in clients)
        yield f"the clients used different servers: {join_words(list(map(to_line, named)))}"
    elif len(urls) > 1 and None in starts:
        yield (
            f"{join_words(list(map(to_line, urls)))} may be different servers, since /metrics don't"
            " say when the server's process started: start all clients with one URL"
        )


def _url(client: _Client) -> str:
    return client.model.server.base_url if client.model.server else ""


def _place(url: str) -> tuple[str, int | None, str]:
    """Return the URL without its host."""
    try:
        parts = urlsplit(url)
        return parts.scheme, parts.port or SERVER_PORTS.get(parts.scheme), parts.path.rstrip("/")
    except ValueError:
        return url, None, ""


def _server(model: ChatModelReport) -> str:
    """Return the server's model and software as reported."""
    server = model.server
    if server is None:
        return "none"
    identity = server.identity
    known = (identity.runtime, identity.runtime_version, identity.quantization,
             identity.weights_sha256) if identity else ()  # fmt: skip
    return to_line(" ".join([server.model, *filter(None, known)]))


def _most_apart_s(clients: Sequence[_Client]) -> float | None:
    clocks = [client.load.clock for client in clients if client.load.clock]
    if len(clocks) < len(clients):
        return None
    pairs = permutations(clocks, 2)
    return max((one.high_s - other.low_s for one, other in pairs), default=0.0)


def _overlap(raws: Sequence[RawRequests]) -> float:
    """Return the time in which all clients with requests sent, over the time in which any did."""
    windows = [_window(raw) for raw in raws if raw.sent_ns]
    known = [window for window in windows if window is not None]
    if not known or len(known) < len(windows):
        return 0.0
    starts, ends = zip(*known, strict=True)
    whole_ns = max(ends) - min(starts)
    return max(0.0, (min(ends) - max(starts)) / whole_ns) if whole_ns else 0.0


def _window(raw: RawRequests) -> tuple[int, int] | None:
    """Return when a client sent its first request and had its last answer; None if never."""
    sent = [
        (sent_ns, sent_ns + (ended_ns or 0))
        for sent_ns, ended_ns in zip(raw.sent_ns, raw.ended_ns, strict=True)
        if sent_ns is not None
    ]
    return (min(start for start, _ in sent), max(end for _, end in sent)) if sent else None


def _level(number: int, whole: Level, clients: Sequence[_Client]) -> LoadLevel:
    """Return the figures of all requests of a level, by the same rules as of one client's."""
    raws = [client.load.raw[number] for client in clients]
    levels = [client.levels[number] for client in clients]
    records = [record for raw in raws for record in unpack(raw)]
    records.sort(key=lambda record: record.stamps.sent_at_ns if record.stamps else 0)
    chunk_gaps, itl = merged_gaps_of(raws)
    seen: dict[str, Any] = {
        "chunk_gaps": chunk_gaps,
        "itl": itl,
        "server": next((_gauges(level.server) for level in levels if level.server), None),
        "client": _cost([level.client for level in levels if level.client]),
        "first_error": next((level.first_error for level in levels if level.first_error), ""),
        "ended_early": next((level.ended_early for level in levels if level.ended_early), ""),
    }
    return level_figures(whole, records).model_copy(update=seen)


def _gauges(window: ServerWindow) -> ServerWindow:
    """Return what the server did at once; its counts are those until one client had finished."""
    counts = ("running_before", "preemptions", "cached_tokens", "output_tokens", "requests")
    return window.model_copy(update=dict.fromkeys(counts))


def _cost(costs: Sequence[ClientCost]) -> ClientCost | None:
    """Return the cost of all clients together; its shares and lags are those of the worst."""
    if not costs:
        return None
    return ClientCost(
        processes=sum(cost.processes for cost in costs),
        cpu_share=max(cost.cpu_share for cost in costs),
        cpu_cores=sum(cost.cpu_cores for cost in costs),
        lag_mean_s=max(cost.lag_mean_s for cost in costs),
        lag_p99_s=max(cost.lag_p99_s for cost in costs),
        error=next((cost.error for cost in costs if cost.error), ""),
    )


def _describe(client: _Client) -> MergedShare:
    limited = [(level, how) for level in client.levels if (how := client_limit(level)) is not None]
    return MergedShare(
        index=client.load.share.index, run=client.run, clock=client.load.clock, url=_url(client),
        requests=sum(len(raw.sent_ns) for raw in client.load.raw),
        limits=tuple(f"{level.asked}: {how}" for level, how in limited),
    )  # fmt: skip


def _warnings(load: LoadTable) -> Iterator[str]:
    merged = load.merged
    if merged is None:
        return
    if merged.clocks_apart_s is None:
        yield "The clients' clocks weren't compared: the server sends no usable Date."
    for level, overlap in zip(load.levels, merged.overlaps, strict=True):
        if overlap < GOOD_OVERLAP:
            share = format_share(overlap)
            yield f"At {level.asked} the clients sent together for {share} of the time only."
