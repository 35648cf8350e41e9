"""`nobs` with hosts of an sshd under test."""

import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.fakes.command import environment
from tests.fakes.rounds import PLUGIN
from tests.fakes.sshd import Sshd

type Done = subprocess.CompletedProcess[str]
WORK = ("--task", "embeddings", "--profile", "quick")
LIMIT_S = 240


def command_of(server: Sshd, *words: str) -> tuple[list[str], dict[str, str]]:
    results = str(server.directory / "results")
    config = str(server.config)
    command = [sys.executable, "-m", "nobs", *words, "--results", results, "--ssh-config", config]
    env = environment(server.directory)
    # The hosts' task is known here, too.
    env["PYTHONPATH"] = os.pathsep.join([str(PLUGIN), env["PYTHONPATH"]])
    return command, env


def nobs(server: Sshd, *words: str, **variables: str) -> Done:
    command, env = command_of(server, *words)
    return subprocess.run(
        command, env=env | variables, cwd=server.directory, capture_output=True, text=True,
        stdin=subprocess.DEVNULL, timeout=LIMIT_S, check=False,
    )  # fmt: skip


@contextmanager
def started(server: Sshd, *words: str) -> Iterator["subprocess.Popen[str]"]:
    command, env = command_of(server, *words)
    with subprocess.Popen(
        command, env=env, cwd=server.directory, text=True, start_new_session=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        try:
            yield process
        finally:
            process.kill()


def reports(server: Sshd) -> dict[str, str]:
    """Return the state of each host's latest report here, by its name."""
    found = (server.directory / "results").glob("report_*@*.json")
    return {
        file.stem.partition("@")[2]: json.loads(file.read_text())["run"]["id"] for file in found
    }


def begun(server: Sshd, name: str) -> bool:
    """Return whether the step of a host is running."""
    events = server.home(name).glob(".local/share/nobs/hosts/*/*/runs/*/events.jsonl")
    return any("phase.started" in file.read_text() for file in events)


def go(server: Sshd, name: str) -> None:
    """Let a step with the fault `waits` go on."""
    (server.home(name) / "models/waits/go").touch()


def put(server: Sshd, name: str, text: str) -> Path:
    """Put a program before the host's others."""
    program = server.directory / "bin" / name
    program.write_text(f"#!/bin/sh\n{text}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return program
