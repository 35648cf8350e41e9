"""Power loss, again and again: `python -m tests.soak.kills --rounds 200`.

Each round begins a run, kills every process of it at a random moment, checks that whatever was
finished can be read, and lets `nobs run --resume` finish the rest.
"""

import argparse
import contextlib
import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from nobs.storage.rundir import RunDir
from tests.fakes.rounds import LIGHT, RUN_ID, finish, ordered_run, reason_of, start
from tests.fakes.traces import nothing_left

STEPS = ("first", "second", "third")
RESUME = ("run", "--resume", RUN_ID)
MAX_EVENTS = 50
"""A whole run tells fewer: some moments lie after its end."""
MAX_DELAY_S = 0.1


def do_round(directory: Path, moments: random.Random) -> int:
    """Do one round; return how many steps were finished at the moment of the kill."""
    with nothing_left(directory):
        return kill_and_resume(directory, moments)


def kill_and_resume(directory: Path, moments: random.Random) -> int:
    """Kill a run and finish it; return how many steps were finished before."""
    run_dir = ordered_run(directory, *STEPS)
    begin_and_kill(run_dir, moments.randrange(MAX_EVENTS), moments.uniform(0.0, MAX_DELAY_S))
    kept = look(run_dir)
    check_resumed(run_dir, kept, finish(run_dir, *RESUME, paths=(LIGHT,)))
    return len(kept)


def check_resumed(
    run_dir: RunDir, kept: dict[str, bytes], done: "subprocess.CompletedProcess[str]"
) -> None:
    """Compare a resumed run with one that nobody disturbed, and with what was finished before."""
    assert done.returncode == 0, done.stderr
    assert [reason_of(run_dir, step) for step in STEPS] == ["ok"] * len(STEPS)
    for step, content in kept.items():
        assert run_dir.result_file(step).read_bytes() == content, f"{step} was done again"
    report = run_dir.read_report()
    assert [Path(name).name for name in report.tasks[0].models] == list(STEPS)
    assert report.run.finished is not None
    assert len(list(run_dir.results.glob("report_*.json"))) == 1


def begin_and_kill(run_dir: RunDir, events: int, delay_s: float) -> None:
    """Begin the run and kill every process of it, as a loss of power does.

    The moment is `delay_s` after so many `events`, which no load of the machine shifts.
    """
    with start(run_dir, *RESUME, paths=(LIGHT,)) as launcher:
        while count_events(run_dir) < events and launcher.poll() is None:
            time.sleep(0.002)
        time.sleep(delay_s)
        with contextlib.suppress(psutil.NoSuchProcess):
            root = psutil.Process(launcher.pid)
            root.suspend()
            family = [root, *root.children(recursive=True)]
            for process in family:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
            psutil.wait_procs(family[1:], timeout=10)


def count_events(run_dir: RunDir) -> int:
    """Return how many events the run has told so far."""
    return run_dir.events_file.read_bytes().count(b"\n") if run_dir.events_file.exists() else 0


def look(run_dir: RunDir) -> dict[str, bytes]:
    """Return the results that are there; whatever is there must be readable.

    Only the last line of the events may be torn.
    """
    if run_dir.report_file.exists():
        run_dir.read_report()
    if run_dir.events_file.exists():
        *whole, _ = run_dir.events_file.read_text(encoding="utf-8").split("\n")
        for line in whole:
            json.loads(line)
    found = {step: run_dir.find_result(step) for step in STEPS}
    return {s: run_dir.result_file(s).read_bytes() for s, result in found.items() if result}


def main() -> int:
    """Do the rounds; the first that loses anything ends them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    moments = random.Random(options.seed)
    for number in range(1, options.rounds + 1):
        with tempfile.TemporaryDirectory(prefix="kill-") as directory:
            finished = do_round(Path(directory), moments)
        print(f"{number}/{options.rounds}: killed with {finished} of "
              f"{len(STEPS)} steps finished; nothing lost", flush=True)  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
