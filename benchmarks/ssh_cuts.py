"""Cut the connection in the middle of runs on a host, and count the complete results.

    python benchmarks/ssh_cuts.py --runs 20

A real sshd on loopback, real ssh, short runs of a task of the tests. In each run the processes of
sshd that serve the connection are killed while the step waits, one to three times; then it goes on.
A run is complete if the report came home with every step. Exit code 1 if any isn't.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.fakes.command import environment
from tests.fakes.rounds import PLUGIN
from tests.fakes.sshd import ABSENT, HAS_SSHD, Sshd, short_sshd
from tests.fakes.waiting import wait_for

LIMIT_S = 300.0


def main() -> int:
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    words.add_argument("--runs", type=int, default=20)
    words.add_argument("--seed", type=int, default=0)
    given = words.parse_args()
    if not HAS_SSHD:
        print(ABSENT, file=sys.stderr)
        return 3
    dice = random.Random(given.seed)
    whole = 0
    with tempfile.TemporaryDirectory(prefix="nobs-cuts-") as name:
        for number in range(given.runs):
            directory = Path(name, str(number))
            with short_sshd(directory, "box1", HOST_FAULT="waits") as server:
                cuts, is_whole = one_run(server, dice.randint(1, 3))
            whole += is_whole
            print(
                f"run {number + 1}: {cuts} cuts, {'complete' if is_whole else 'LOST'}", flush=True
            )
    print(f"{whole} of {given.runs} results are complete")
    return int(whole != given.runs)


def one_run(server: Sshd, cuts: int) -> tuple[int, bool]:
    """Return how often the connection was cut, and whether the result came home."""
    env = environment(server.directory)
    env["PYTHONPATH"] = os.pathsep.join([str(PLUGIN), env["PYTHONPATH"]])
    command = [
        sys.executable, "-m", "nobs", "run", "--host", "box1", "--task", "embeddings", "--profile",
        "quick", "--ssh-config", str(server.config), "--results", str(server.directory / "results"),
        "--json", "--quiet",
    ]  # fmt: skip
    with subprocess.Popen(
        command, env=env, cwd=server.directory, stdin=subprocess.DEVNULL, text=True,
        stdout=subprocess.PIPE,
    ) as process:  # fmt: skip
        wait_for(lambda: _begun(server) or process.poll() is not None, LIMIT_S)
        done = 0
        for _ in range(cuts if process.poll() is None else 0):
            wait_for(server.sessions, LIMIT_S)
            done += server.cut() > 0
        (server.home("box1") / "models/waits/go").touch()
        stdout, _ = process.communicate(timeout=LIMIT_S)
    (host,) = json.loads(stdout)["hosts"]
    came = list((server.directory / "results").glob("report_*@box1.json"))
    is_whole = process.returncode == 0 and host["state"] == "complete" and len(came) == 1
    return done, is_whole


def _begun(server: Sshd) -> bool:
    events = server.home("box1").glob(".local/share/nobs/hosts/*/box1/runs/*/events.jsonl")
    return any("phase.started" in file.read_text() for file in events)


if __name__ == "__main__":
    sys.exit(main())
