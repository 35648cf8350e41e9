"""`nobs submit slurm` with stand-ins for Slurm's programs; test_slurm.py has a real controller."""

import os
from pathlib import Path

import pytest

from tests.fakes.command import environment, run_nobs

PROGRAMS = {
    "sbatch": '#!/bin/sh\ncat >/dev/null\n[ "$1" = --test-only ] || echo "7;cluster"\n',
    "scancel": '#!/bin/sh\necho "$@" >> cancelled\n',
    # Each call shows the next state; the last one stays.
    "scontrol": """#!/bin/sh
[ "$2" != hostnames ] || { echo n1; exit; }
head -n 1 states
[ "$(wc -l < states)" = 1 ] || sed -i 1d states
""",
}
LINE = "JobId=7 JobState={} Reason={} Restarts={} ExitCode={}:0 NodeList=n1 StdOut=log"
QUICK = ("--", "--profile", "quick")


def submit(home: Path, states: list[str], *words: str) -> tuple[int, str, str]:
    """Submit a job that goes through these states."""
    programs = home / "bin"
    programs.mkdir()
    for name, text in PROGRAMS.items():
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    (home / "states").write_text("".join(f"{line}\n" for line in states))
    (home / "log").write_text("no such file: /shared/nobs\n")
    env = environment(home, PATH=f"{programs}{os.pathsep}{os.environ['PATH']}")
    done = run_nobs("submit", "slurm", *words, cwd=home, env=env)
    return done.returncode, done.stdout, " ".join(done.stderr.split())


@pytest.mark.parametrize(
    ("state", "code", "ends_with"),
    [("COMPLETED", 0, 1), ("FAILED", 3, 3), ("NODE_FAIL", 0, 5), ("CANCELLED", 0, 130)],
)
def test_a_job_is_waited_for_and_a_node_without_a_report_is_lost(
    tmp_path: Path, state: str, code: int, ends_with: int
) -> None:
    states = [LINE.format("RUNNING", "None", 0, 0), LINE.format(state, "None", 0, code)]
    ended, out, err = submit(tmp_path, states, *QUICK)

    assert ended == ends_with
    assert "lost: n1: no report of it was found" in out
    assert "job 7 was submitted. job 7 runs on n1" in err
    assert "no such file: /shared/nobs" in err


def test_a_requeue_is_said(tmp_path: Path) -> None:
    states = [LINE.format("RUNNING", "None", 1, 0), LINE.format("COMPLETED", "None", 1, 0)]

    err = submit(tmp_path, states, *QUICK)[2]

    assert "job 7 was requeued (1): its nodes resume" in err
    assert "job 7 has ended on n1; it was requeued once." in err


def test_a_job_that_can_never_start_is_cancelled(tmp_path: Path) -> None:
    states = [LINE.format("PENDING", "PartitionTimeLimit", 0, 0)]
    ended, _, err = submit(tmp_path, states, *QUICK)

    assert ended == 2
    assert "can never start job 7: its time limit is above" in err
    assert (tmp_path / "cancelled").read_text() == "7\n"


def test_nothing_is_waited_for_if_not_asked(tmp_path: Path) -> None:
    assert submit(tmp_path, [], "--no-wait", *QUICK)[:2] == (0, "7\n")


def test_a_job_submitted_earlier_is_waited_for(tmp_path: Path) -> None:
    states = [LINE.format("COMPLETED", "None", 0, 0)]
    ended, out, err = submit(tmp_path, states, "--job", "7")

    assert (ended, "lost: n1" in out, "was submitted" in err) == (1, True, False)


def test_a_machine_without_slurm_says_so(tmp_path: Path) -> None:
    env = environment(tmp_path, PATH=str(tmp_path))
    done = run_nobs("submit", "slurm", *QUICK, cwd=tmp_path, env=env)

    assert done.returncode == 3
    assert "sbatch, scontrol, scancel: not found on this machine" in " ".join(done.stderr.split())


def test_options_of_a_new_job_have_no_effect_on_one_that_is_waited_for(tmp_path: Path) -> None:
    done = run_nobs("submit", "slurm", "--job", "7", "--nodes", "3", cwd=tmp_path)

    assert done.returncode == 2
    assert "--nodes can't be combined with --job" in done.stderr
