"""What each client adds to the times of a server that logs when it really sent each token.

    python -m benchmarks.llm_client [--rounds N] [--only TEXT] [--clients NAME,NAME]
        [--patience SECONDS] [--plot FILE.svg] [--guidellm EXECUTABLE] [--aiperf EXECUTABLE]

TTFT error: the client's TTFT less the server's own time from the whole request to the first token.
Gap error: the client's mean gap against the server's, per request. Means over requests; of the
rounds the median is shown, and the order of the clients turns from round to round.
"""

import argparse
import asyncio
import gc
import platform
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import psutil

from benchmarks.llm_client.clients import OWN, Client, Load, importable
from benchmarks.llm_client.render import plot, table
from benchmarks.llm_client.scenario import (
    SCENARIOS,
    Medians,
    Result,
    Scenario,
    bars,
    load_now,
    middle,
    result_of,
)
from benchmarks.llm_client.tools import TOOLS, measure_tool
from nobs.tasks.chat.client.accuracy import truthful_server

type Measure = Callable[[Scenario], Result | None]


def measure(client: Client, scenario: Scenario) -> Result:
    load = load_now()
    with truthful_server(2 * scenario.concurrency) as server:
        work = Load(
            url=f"{server.url}/{scenario.schedule}/v1",
            warm_up_url=f"{server.url}/1-1-5/v1",
            names=[
                [f"{stream}-{number}" for number in range(scenario.requests)]
                for stream in range(scenario.concurrency)
            ],
        )
        gc.collect()
        seen = asyncio.run(client(work))
        truth = dict(server.finish())
    result = result_of([(seen[name], truth[name]) for name in seen], scenario, load)
    return replace(result, blames_itself=float(bool(work.limits[0]))) if work.limits else result


def measure_or_skip(name: str, client: Client, scenario: Scenario) -> Result | None:
    """Return None for a client that fails: some can't do a thousand streams at once."""
    try:
        return measure(client, scenario)
    except Exception as error:  # noqa: BLE001 - any library's
        print(f"{name}: {type(error).__name__}: {error}", file=sys.stderr)
        return None


def wait_for_quiet(patience_s: float) -> None:
    """Wait until others leave nine tenths of the processors alone, but no longer than told."""
    end = time.monotonic() + patience_s
    while time.monotonic() < end and psutil.cpu_percent(0.3) > 10:
        pass


def run_rounds(
    measures: dict[str, Measure], rounds: int, scenarios: list[Scenario], patience_s: float
) -> dict[str, dict[str, list[Result]]]:
    """Measure everyone in turn, so that what else the machine does meets all alike."""
    results: dict[str, dict[str, list[Result]]] = {
        scenario.name: {name: [] for name in measures} for scenario in scenarios
    }
    names = list(measures)
    for number in range(rounds):
        turn = number % len(names)
        for scenario in scenarios:
            print(f"round {number + 1} of {rounds}: {scenario.name}", file=sys.stderr)
            for name in [*names[turn:], *names[:turn]]:
                wait_for_quiet(patience_s)
                if (result := measures[name](scenario)) is not None:
                    results[scenario.name][name].append(result)
    return results


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-n", "--rounds", type=int, default=3)
    parser.add_argument("--only", default="", help="scenarios with this in their name")
    parser.add_argument("--clients", default="", help="their names, up to a comma, by comma")
    parser.add_argument(
        "--patience",
        type=float,
        default=0,
        metavar="SECONDS",
        help="wait up to so long before each measurement for a quiet machine",
    )
    parser.add_argument("--plot", type=Path, help="an SVG file to write")
    for tool in TOOLS:
        parser.add_argument(f"--{tool}", default=shutil.which(tool), help="its executable")
    return parser.parse_args()


def main() -> None:
    chosen = options()
    measures: dict[str, Measure] = {
        name: partial(measure_or_skip, name, client) for name, client in importable().items()
    }
    found = {name: path for name in TOOLS if (path := getattr(chosen, name))}
    measures |= {name: partial(measure_tool, TOOLS[name], path) for name, path in found.items()}
    if chosen.clients:
        wanted = chosen.clients.split(",")
        measures = {name: measures[name] for name in measures if name.split(",")[0] in wanted}
    scenarios = [scenario for scenario in SCENARIOS if chosen.only in scenario.name]
    print(f"Python {platform.python_version()}, load {load_now():.1f} at the start; medians of "
          f"{chosen.rounds} rounds in turn")  # fmt: skip
    results = run_rounds(measures, chosen.rounds, scenarios, chosen.patience)
    medians: Medians = {
        scenario: {name: middle(rounds) for name, rounds in rows.items() if rounds}
        for scenario, rows in results.items()
    }
    print("\n".join(table(medians, [name for name in TOOLS if name not in found])))
    print()
    for text, is_met in bars(medians, OWN):
        print(f"{'met   ' if is_met else 'MISSED'}  {text}")
    if chosen.plot:
        plot(medians, OWN, chosen.plot)


if __name__ == "__main__":
    main()
