"""Do several clients together measure what one does? Merged shares over one client's whole load."""

import argparse
import asyncio
import multiprocessing
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta

from nobs.errors import NobsError
from nobs.log import configure_json
from nobs.schema.enums import Backend, Status
from nobs.schema.server import Connection
from nobs.schema.share import Share
from nobs.tasks.chat.load_report import LoadLevel
from nobs.tasks.chat.params import LoadParams
from nobs.tasks.chat.report import ChatModelReport
from nobs.tasks.chat.share_merge import merge_models
from nobs.tasks.chat.share_report import LoadMerge
from nobs.tasks.chat.share_table import ShareMeter
from tests.fakes.dated import dated_server
from tests.fakes.llm_answers import stream
from tests.fakes.llm_server import serving
from tests.fakes.queueing import queue_answers, request

STREAMS, RATE, SERVICE_S = 24, 60.0, 0.01
PARAMS = LoadParams(concurrency=(STREAMS,), rates_per_s=(RATE,))
SLOT_S = 40.0
SETTLE_S = 2.0
"""Three times the latency of an answer."""
SHOWN = (
    "requests", "requests_per_sec", "tokens_per_sec", "median_ttft_s", "p95_ttft_s",
    "median_latency_s", "p95_latency_s", "p99_latency_s", "mean_in_flight", "max_in_flight",
)  # fmt: skip


def serve(urls: "multiprocessing.Queue[str]", kind: str) -> None:
    """Serve for ever: answers of fixed times, or one after the other."""
    answer = queue_answers(SERVICE_S) if kind == "queue" else stream(10, ttft_s=0.4, gap_s=0.02)
    with serving(dated_server(answer)) as server:
        urls.put(server.url)
        time.sleep(10_000)


def drive(url: str, share: Share, requests: int) -> ChatModelReport:
    """Drive one share; every client is a process of its own."""
    configure_json(lambda event: None)
    params = PARAMS.model_copy(update={"share": share})
    with asyncio.Runner() as loop:
        meter = ShareMeter(
            loop=loop, connection=Connection(base_url=url, request_timeout_s=60), params=params,
            share=share, make=lambda count: [request(number) for number in range(count)],
            check=lambda record: record, settle_s=SETTLE_S,
        )  # fmt: skip
        try:
            load = meter.measure(requests)
        except NobsError as error:  # which can't travel between processes
            raise RuntimeError(str(error)) from None
    return ChatModelReport(model_name="m", device=Backend.CPU, status=Status.OK, load=load)


def measure(
    url: str, clients: int, requests: int, lead_s: float
) -> tuple[tuple[LoadLevel, ...], LoadMerge]:
    """Return the merged levels of `clients` processes."""
    start = datetime.now(UTC) + timedelta(seconds=lead_s)
    shares = [
        Share(index=index, count=clients, start=start, slot_s=SLOT_S) for index in range(clients)
    ]
    with ProcessPoolExecutor(clients, multiprocessing.get_context("spawn")) as pool:
        models = list(pool.map(drive, [url] * clients, shares, [requests] * clients))
    merged = merge_models([f"client-{share.index}" for share in shares], models, PARAMS).load
    assert merged is not None
    assert merged.merged is not None
    return merged.levels, merged.merged


def lines(one: LoadLevel, several: LoadLevel) -> Iterator[str]:
    """Yield each figure of one client and of several, and their ratio."""
    for name in SHOWN:
        alone, together = getattr(one, name), getattr(several, name)
        ratio = together / alone if alone else float("nan")
        yield f"  {name:20} {alone:10.4f} {together:10.4f} {ratio:8.3f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=3)
    parser.add_argument("--requests", type=int, default=600, help="of the closed loop")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--server", choices=("fixed", "queue"), default="fixed")
    parser.add_argument("--lead-s", type=float, default=10.0, help="for all processes to start")
    words = parser.parse_args()
    spawn = multiprocessing.get_context("spawn")
    urls: multiprocessing.Queue[str] = spawn.Queue()
    server = spawn.Process(target=serve, args=(urls, words.server), daemon=True)
    server.start()
    url = urls.get(timeout=60)
    for _ in range(words.rounds):
        alone, _ = measure(url, 1, words.requests, words.lead_s)
        together, merge = measure(url, words.clients, words.requests, words.lead_s)
        print(f"clients 1 and {words.clients}; clocks within {merge.clocks_apart_s or 0:.2f} s")
        for one, several, overlap in zip(alone, together, merge.overlaps, strict=True):
            name = f"{RATE:g} requests/s" if one.rate_per_s else f"{STREAMS} at once"
            print(f"{name}: sending together for {100 * overlap:.1f} %")
            print("\n".join(lines(one, several)))
    server.terminate()


if __name__ == "__main__":
    main()
