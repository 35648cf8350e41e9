"""How many tokens per second a load level receives from a server without delay, by processes.

    python -m benchmarks.llm_client.ceiling [--rounds N] [--streams N] [--tokens N] [--per-write N]

Client and server share the cores. With c and s their CPU time per token, one process reaches
1 / max(c, s) at most, and any number of processes on n cores n / (c + s): the highest ratio follows
from the two CPU times, and is printed beside the measured one. One process only reaches its rate if
it or the server is busy all the time: the cores that each used are printed, too.
"""

import argparse
import asyncio
import gc
import sys
from dataclasses import dataclass
from itertools import chain
from statistics import median

import psutil

from benchmarks.llm_client.__main__ import wait_for_quiet
from benchmarks.llm_client.clients import MESSAGES
from benchmarks.llm_client.scenario import load_now
from nobs.providers.chat import ChatRequest
from nobs.schema.server import Connection
from nobs.system.host import usable_cores
from nobs.tasks.chat.client.accuracy import truthful_server
from nobs.tasks.chat.client.chat import request_bytes
from nobs.tasks.chat.load import cost_of, parts_of
from nobs.tasks.chat.sending import Part
from nobs.tasks.chat.workers import send_parts


@dataclass(frozen=True, kw_only=True)
class Reached:
    """What one round reached."""

    tokens_per_s: float
    client_us: float
    """CPU time of the client per token."""
    server_us: float
    limit: str
    """How the client says that it was the limit; empty if it wasn't."""


def measure(streams: int, tokens: int, per_write: int, processes: int) -> Reached:
    gc.collect()
    with truthful_server(2 * streams) as server:
        connection = Connection(base_url=f"{server.url}/0-0-{tokens}-{per_write}/v1")
        chat = request_bytes(connection, ChatRequest(model="m", messages=MESSAGES))
        whole = Part(
            connection=connection, requests=[chat] * streams, concurrency=streams, times_s=None,
            settle_s=0.0,
        )  # fmt: skip
        process = psutil.Process(server.pid)
        before = process.cpu_times()
        sent, _ = asyncio.run(send_parts(list(parts_of(whole, processes))))
        after = process.cpu_times()
    cost, count = cost_of(sent), streams * tokens
    # Until all is read: it arrives earlier, in the buffers of the system.
    took_s = max(part.took_s for part in sent)
    server_s = after.user + after.system - before.user - before.system
    records = chain.from_iterable(part.records for part in sent)
    latencies_s = [each.figures.total_latency_s for each in records if each and each.figures]
    return Reached(
        tokens_per_s=count / took_s,
        client_us=1e6 * sum(part.cpu_s for part in sent) / count,
        server_us=1e6 * server_s / count,
        limit=cost.find_limit(median(latencies_s)) or "",
    )


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-n", "--rounds", type=int, default=5)
    parser.add_argument("--streams", type=int, default=64)
    parser.add_argument("--tokens", type=int, default=4000)
    parser.add_argument("--per-write", type=int, default=64)
    parser.add_argument("--patience", type=float, default=0, metavar="SECONDS")
    return parser.parse_args()


def main() -> None:
    chosen, cores = options(), usable_cores()
    rounds: dict[int, list[Reached]] = {1: [], cores: []}
    print(
        f"no delay, {chosen.per_write} tokens a write, {chosen.streams} streams,"
        f" {chosen.tokens} tokens; {cores} cores, load {load_now():.1f} at the start;"
        f" medians of {chosen.rounds} rounds in turn"
    )
    for number in range(chosen.rounds):
        for processes in sorted(rounds, reverse=bool(number % 2)):
            wait_for_quiet(chosen.patience)
            reached = measure(chosen.streams, chosen.tokens, chosen.per_write, processes)
            rounds[processes].append(reached)
            print(f"round {number + 1}: {processes}: {reached}", file=sys.stderr)
    print(f"{'processes':<11}{'tokens/s':>12}{'client':>24}{'server':>24}  client is the limit")
    for processes, found in rounds.items():
        blamed = sum(bool(each.limit) for each in found)
        rate, client_us, server_us = (
            median(getattr(each, name) for each in found)
            for name in ("tokens_per_s", "client_us", "server_us")
        )
        cells = [f"{us:.2f} us/tok, {rate * us / 1e6:.2f} cores" for us in (client_us, server_us)]
        print(f"{processes:<11}{rate:>12,.0f}{cells[0]:>24}{cells[1]:>24}"
              f"  in {blamed} of {len(found)} rounds")  # fmt: skip
    ratio = median(b.tokens_per_s / a.tokens_per_s for a, b in zip(*rounds.values(), strict=True))
    client_us, server_us = (
        median(getattr(each, name) for each in rounds[1]) for name in ("client_us", "server_us")
    )
    most = cores * max(client_us, server_us) / (client_us + server_us)
    print(f"{cores} processes are {ratio:.2f} times as fast as one; at most {most:.2f} times on"
          f" {cores} cores without other work, which the server shares,\nif one process keeps"
          " itself or the server busy (1.00 cores)")  # fmt: skip


if __name__ == "__main__":
    main()
