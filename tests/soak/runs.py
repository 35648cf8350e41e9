"""Runs of the quick profile in a row, in one process: `python -m tests.soak.runs --runs 50`.

After each it looks for what may have grown: descriptors, threads, memory and files of the launcher,
containers and volumes of the engine (with `--execution container`).
"""

import argparse
import contextlib
import gc
import io
import os
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import docker
import psutil

from nobs.cli.options import RUN_OPTIONS, settings_of
from nobs.cli.run import RunOptions, command, plan_or_run

MAX_GROWTH_BYTES = 8 << 20
"""Of the launcher's memory, from the second run to the last: allocators keep some."""
WORK = ("--task", "embeddings", "--profile", "quick", "--backend", "cpu", "--rows", "6",
        "--repeats", "3")  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Held:
    """What this process and the engine hold between two runs."""

    descriptors: int
    threads: int
    children: int
    scratch: tuple[str, ...]
    containers: int
    volumes: int


def soak(directory: Path, runs: int, execution: str) -> Iterator[tuple[Held, int]]:
    """Do the runs; yield after each what is held and the launcher's memory in bytes."""
    scratch = directory / "tmp"
    scratch.mkdir()
    tempfile.tempdir = str(scratch)
    where = ("--results", str(directory / "results"), "--execution", execution)
    context = command.make_context("run", [*WORK, *where])
    params = {**context.params, "settings": settings_of(context)}
    for name in ("resume", "yes", *RUN_OPTIONS):
        params.pop(name)
    try:
        for number in range(1, runs + 1):
            with contextlib.redirect_stdout(io.StringIO()):
                assert plan_or_run(dict(params), RunOptions(as_json=True)) == 0
            assert len(list((directory / "results" / "runs").iterdir())) == number
            yield look(scratch), psutil.Process().memory_info().rss
    finally:
        tempfile.tempdir = None


def look(scratch: Path) -> Held:
    """Return what is held now."""
    gc.collect()
    process = psutil.Process()
    containers, volumes = count_in_engine()
    return Held(
        descriptors=process.num_fds(),
        threads=process.num_threads(),
        children=len(process.children(recursive=True)),
        scratch=tuple(sorted(path.name for path in scratch.iterdir())),
        containers=containers,
        volumes=volumes,
    )


def count_in_engine() -> tuple[int, int]:
    """Return how many containers of ours and how many volumes there are; 0 without an engine."""
    try:
        client = docker.DockerClient(base_url=os.environ.get("DOCKER_HOST"), timeout=30)
    except docker.errors.DockerException:
        return 0, 0
    with contextlib.closing(client):
        ours = client.containers.list(all=True, filters={"label": "nobs.owner"})
        return len(ours), len(client.volumes.list())


def check(seen: list[tuple[Held, int]]) -> None:
    """Fail if anything grew from the first run to the last; memory from the second on."""
    assert all(held == seen[0][0] for held, _ in seen), [held for held, _ in seen]
    assert seen[0][0].scratch == ()
    assert seen[0][0].children == 0
    assert seen[-1][1] - seen[1][1] < MAX_GROWTH_BYTES, [memory for _, memory in seen]


def main() -> int:
    """Do the runs and say what was held after each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--execution", choices=("native", "container"), default="native")
    options = parser.parse_args()
    seen = []
    with tempfile.TemporaryDirectory(prefix="soak-") as directory:
        for held, memory in soak(Path(directory), options.runs, options.execution):
            seen.append((held, memory))
            print(f"{len(seen)}/{options.runs}: {memory >> 20} MiB, {held}", flush=True)
    check(seen)
    return 0


if __name__ == "__main__":
    sys.exit(main())
