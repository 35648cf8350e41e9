"""`nobs export slurm`: the batch script, executed with stand-ins for Slurm's programs."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.fakes.command import run_nobs

PROGRAMS = {
    # Runs the command once for each node, as srun does, and returns the highest exit code.
    "srun": """#!/bin/bash
while [[ $1 == --* ]]; do shift; done
worst=0
for node in n1 n2 n3; do
    SLURMD_NODENAME=$node "$@"; code=$?
    ((code > worst)) && worst=$code
done
exit $worst
""",
    "scontrol": """#!/bin/sh
[ "$1" != requeue ] || echo "scontrol $*" >> "$CALLS"
printf 'n1\\nn2\\nn3\\n'
""",
    "scancel": '#!/bin/sh\necho "scancel $*" >> "$CALLS"\n',
    "nobs": """#!/bin/sh
echo "$NOBS_NODE $*" >> "$CALLS"
echo "$NOBS_JOB_BEGAN" >> "$CALLS.began"
case "$1 $NOBS_NODE" in
    "run n2") exit $RUN_CODE;;
    collect*) exit $COLLECT_CODE;;
esac
""",
}


def export(tmp_path: Path, *words: str) -> str:
    done = run_nobs("export", "slurm", "--results", str(tmp_path / "r r"), "--nodes", "3",
                    "--nobs", "nobs", *words, cwd=tmp_path)  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def key_of(script: str) -> str:
    """Return what distinguishes the job from others with its number."""
    return script.partition("#SBATCH --job-name=nobs-")[2].split()[0]


def submit(tmp_path: Path, script: str, **codes: int) -> tuple[int, list[str]]:
    """Run the script as Slurm would; return its exit code and the calls of nobs."""
    programs = tmp_path / "bin"
    programs.mkdir(exist_ok=True)
    for name, text in PROGRAMS.items():
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    calls = tmp_path / "calls"
    env = {
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}", "CALLS": str(calls),
        "SLURM_JOB_ID": "7", "SLURM_JOB_NODELIST": "n[1-3]",
        "RUN_CODE": "0", "COLLECT_CODE": "0", "SLURM_ARRAY_JOB_ID": "7",
        "SLURM_ARRAY_TASK_ID": "2", **{k: str(v) for k, v in codes.items()},
    }  # fmt: skip
    done = subprocess.run(["bash", "-c", script], env=env, check=False, timeout=60)
    return done.returncode, calls.read_text().splitlines()


def test_each_node_runs_once_or_resumes_what_it_had_begun(tmp_path: Path) -> None:
    results = tmp_path / "r r"
    script = export(tmp_path, "--", "--profile", "quick", "--timeout", "60")
    job = results / f"jobs/7-{key_of(script)}"
    (job / "n2/runs/20260102T030405Z-abcdef").mkdir(parents=True)
    (job / "n2/runs/nobs-scratch-x").mkdir()
    code, calls = submit(tmp_path, script, SLURM_RESTART_COUNT=1)

    assert code == 0
    assert calls == [
        f"n1 run --profile quick --timeout 60 --results {job}/n1",
        f"n2 run --resume 20260102T030405Z-abcdef --take-over --results {job}/n2",
        f"n3 run --profile quick --timeout 60 --results {job}/n3",
        f" collect {job} --results {results} --expect n1,n2,n3",
    ]


@pytest.mark.parametrize("words", [(), ("--array",)])
def test_a_job_does_not_resume_what_another_one_with_its_number_left(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    script, other = export(tmp_path, *words), export(tmp_path, *words)
    left = tmp_path / f"r r/jobs/7-{key_of(script)}" / ("task-2" if words else "n2")
    (left / "runs/20260102T030405Z-abcdef").mkdir(parents=True)

    code, calls = submit(tmp_path, other)
    again, _ = submit(tmp_path, script)

    assert key_of(script) != key_of(other)
    assert (code, again) == (0, 2)
    assert not any("--resume" in call for call in calls)
    assert (tmp_path / "calls").read_text().splitlines() == calls


@pytest.mark.parametrize(
    ("run", "collect", "code"), [(0, 0, 0), (3, 1, 3), (130, 1, 130), (0, 1, 1)]
)
def test_the_job_ends_with_the_worst_run_or_with_what_is_lost(
    tmp_path: Path, run: int, collect: int, code: int
) -> None:
    ended, _ = submit(tmp_path, export(tmp_path), RUN_CODE=run, COLLECT_CODE=collect)

    assert ended == code


def test_a_job_of_an_array_has_a_directory_of_its_own(tmp_path: Path) -> None:
    script = export(tmp_path, "--array", "--", "--profile", "quick")
    _, calls = submit(tmp_path, script.replace("node in n1 n2 n3", "node in n1"))
    job = tmp_path / f"r r/jobs/7-{key_of(script)}/task-2"

    assert {"#SBATCH --array=1-3", "#SBATCH --nodes=1"} <= set(script.splitlines())
    assert f"n1 run --profile quick --results {job}" in calls
    assert f" collect {job} --results {tmp_path / 'r r'} --expect n1,n2,n3" in calls


@pytest.mark.parametrize(("requeues", "is_requeued"), [("2", True), ("0", False)])
def test_at_the_time_limit_runs_are_interrupted_and_the_job_is_requeued(
    tmp_path: Path, requeues: str, is_requeued: bool
) -> None:
    script = export(tmp_path, "--requeues", requeues)
    # Slurm's signal comes while the runs are waited for.
    code, calls = submit(tmp_path, script.replace("wait $!\n", "kill -USR1 $$; wait $!\n"),
                         RUN_CODE=130, COLLECT_CODE=1)  # fmt: skip

    assert code == 130
    assert "scancel -s TERM 7" in calls
    assert ("scontrol requeue 7" in calls) is is_requeued
    assert ("#SBATCH --no-requeue" in script) is not is_requeued


def test_delays_count_from_the_same_moment_on_every_node(tmp_path: Path) -> None:
    words = ("--", "--task", "llms", "--concurrency", "8", "--share", "auto", "--start-at", "+5m")
    code, _ = submit(tmp_path, export(tmp_path, *words))
    began = (tmp_path / "calls.began").read_text().split()

    assert code == 0
    assert len(began) == 4  # three nodes, and the collecting
    assert len(set(began)) == 1
    assert began[0].isdecimal()


def test_slurm_s_limit_leaves_time_for_the_run_its_signal_and_the_reports(tmp_path: Path) -> None:
    script = export(
        tmp_path, "--gres", "gpu:h100:8", "--partition", "gpus", "--", "--timeout", "3600"
    )
    options = [line.removeprefix("#SBATCH --") for line in script.splitlines() if "#SBATCH" in line]

    assert {"time=70", "signal=B:USR1@150", "requeue", "nodes=3", "ntasks-per-node=1",
            "gres=gpu:h100:8", "partition=gpus", "open-mode=append"} <= set(options)  # fmt: skip


@pytest.mark.parametrize(
    ("words", "flag"),
    [
        (("--pyxis", "reg.example#nobs:cuda"), "--container-image='reg.example#nobs:cuda'"),
        (("--pyxis", "ghcr.io/you/nobs:cuda"), "--container-image='ghcr.io#you/nobs:cuda'"),
        (("--pyxis", "me@box:5000/nobs"), "--container-image='me@box:5000#nobs'"),
        (
            ("--pyxis", f"ghcr.io/you/nobs@sha256:{'0a' * 32}"),
            f"--container-image='ghcr.io#you/nobs:sha256:{'0a' * 32}'",
        ),
        (("--pyxis", "you/nobs:cuda"), "--container-image=you/nobs:cuda"),
        (("--pyxis", "/images/nobs.sqsh"), "--container-image=/images/nobs.sqsh"),
        (("--bundle", "/b u"), "--container='/b u'"),
    ],
)
def test_a_container_is_srun_s(tmp_path: Path, words: tuple[str, ...], flag: str) -> None:
    assert flag in export(tmp_path, *words)


LOAD = ("--", "--task", "llms", "--concurrency", "8", "--start-at", "+5m", "--share")


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--", "--task", "nosuch"), "There is no task 'nosuch'"),
        (("--", "--nosuch"), "No such option"),
        (("--", "--node", "x"), "--node: the job sets it"),
        (("--", "--json"), "--json: the job sets it"),
        (("--", "--hosts", "x.toml"), "--hosts: a job measures the machines that it runs on"),
        (("--option", "mem=1; rm"), "isn't like account=NAME"),
        (("--option", "nodes=2"), "nodes: the job sets it"),
        (("--time", "1"), "1 is not in the range"),
        (("--gres", "gpu; rm"), "isn't a name that Slurm has"),
        (("--nodes", "0"), "0 is not in the range"),
        (("--pyxis", "a", "--bundle", "b"), "can't be combined"),
        (("--nodes", "3", *LOAD, "0/3"), "--share 0/3 doesn't make the nodes (3) the clients"),
        (("--nodes", "3", *LOAD[:-1]), "write --share auto, so that each takes its number"),
        (("--nodes", "3", "--array", *LOAD, "auto"), "can't be combined with --array"),
        (("--pyxis", "ghcr.io/you/nobs@sha256:12"), "sha256:12 isn't a digest of an image"),
    ],
)
def test_what_can_t_run_is_refused_before_it_is_submitted(
    tmp_path: Path, words: tuple[str, ...], reason: str
) -> None:
    done = run_nobs("export", "slurm", *words, cwd=tmp_path)

    assert done.returncode == 2
    assert reason in " ".join(done.stderr.split())
