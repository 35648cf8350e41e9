"""The batch script that runs NOBS on every node of a Slurm job."""

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path

from nobs.render.enroot import enroot_name

SPARE_S = 600.0
"""For the start of the job, the end of a timed-out run and collecting."""
SIGNAL_S = 150
"""Slurm may send the signal up to 60 s early; a run needs some seconds to write its report."""


@dataclass(frozen=True, kw_only=True)
class SlurmJob:
    """What a batch script is made of."""

    words: Sequence[str]
    """Options of `nobs run` on each node."""
    timeout_s: float
    """Time limit of the run."""
    results: Path
    """Results directory on a shared disk."""
    nobs: str
    """The program on the nodes, in the container if there is one."""
    collector: str
    """The program where the batch script runs, on the first node."""
    key: str
    """Distinguishes the job from others with its number, as after a reinstallation of Slurm."""
    nodes: int = 1
    is_array: bool = False
    """As many jobs of one node each instead of one job."""
    partition: str | None = None
    gres: str | None = None
    """As in `gpu:1` or `gpu:h100:8`."""
    limit_min: int | None = None
    """Slurm's time limit; None leaves the run its whole `timeout_s`."""
    requeues: int = 0
    """How often the job is requeued at its time limit."""
    options: Sequence[str] = ()
    """Further ones of sbatch, without dashes in front."""
    image: str | None = None
    """Image for pyxis; None runs natively."""
    bundle: str | None = None
    """OCI bundle for `srun --container`; None runs natively."""


def render_slurm(job: SlurmJob) -> str:
    """Return the script."""
    place = f"$SLURM_JOB_ID-{job.key}"
    if job.is_array:
        place = f"$SLURM_ARRAY_JOB_ID-{job.key}/task-$SLURM_ARRAY_TASK_ID"
    launch = " ".join(["srun", "--ntasks-per-node=1", "--kill-on-bad-exit=0", *_container(job)])
    head = "\n".join(f"#SBATCH --{option}" for option in _options(job))
    return f"""#!/bin/bash
# Written by `nobs export slurm`; submit it with `sbatch`.
{head}
set -u
results={shlex.quote(str(job.results))}
job="$results/jobs/{place}"
# Numbers of jobs may start again: only a job that was requeued resumes what is there.
if [ -e "$job" ] && [ "${{SLURM_RESTART_COUNT:-0}}" -eq 0 ]; then
    echo "nobs: $job is of an earlier job with this number. Export the script again." >&2
    exit 2
fi
mkdir -p "$job" || exit 3
export results job
# Delays such as --start-at +5m count from here on every node.
export NOBS_JOB_BEGAN=$(date +%s)

# Before the time limit Slurm signals this script: it interrupts the runs and keeps what they have.
limit=
trap 'limit=reached; scancel -s TERM "$SLURM_JOB_ID"' USR1

# One run per node; after a requeue each node resumes the run that it had begun.
{launch} bash -c {shlex.quote(_on_each_node(job))} &
wait $!
code=$?
[ -z "$limit" ] || {{ wait $!; code=$?; }}

{_ending(job)}"""


def _on_each_node(job: SlurmJob) -> str:
    run = _quoted([job.nobs, "run"])
    own = "$job" if job.is_array else "$job/$NOBS_NODE"
    return f"""
export NOBS_NODE="$SLURMD_NODENAME"
own="{own}"
last=$(ls "$own/runs" 2>/dev/null | grep "^[0-9]*T[0-9]*Z-" | tail -n 1)
if [ -n "$last" ]; then
    exec {run} --resume "$last" --take-over --results "$own"
fi
exec {" ".join([run, *map(shlex.quote, job.words)])} --results "$own"
"""


def _ending(job: SlurmJob) -> str:
    """Return the part after the runs; `$code` is that of the worst one."""
    collect = _quoted([job.collector, "collect"])
    return f"""\
# srun doesn't say which node died: a node without a report is named as lost, and the code isn't 0.
nodes=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | paste -sd, -)
{collect} "$job" --results "$results" --expect "$nodes"
collected=$?
if [ -n "$limit" ] && [ "$code" -eq 130 ] \\
    && [ "${{SLURM_RESTART_COUNT:-0}}" -lt {job.requeues} ]; then
    echo "The time limit is near: the job is requeued, and each node resumes its run."
    scontrol requeue "$SLURM_JOB_ID" && exit 130
fi
[ "$code" -ne 0 ] || code=$collected
exit "$code"
"""


def _options(job: SlurmJob) -> Iterator[str]:
    yield f"job-name=nobs-{job.key}"
    yield f"nodes={1 if job.is_array else job.nodes}"
    if job.is_array:
        yield f"array=1-{job.nodes}"
    yield "ntasks-per-node=1"
    yield "exclusive"
    yield f"time={job.limit_min or ceil((job.timeout_s + SPARE_S) / 60)}"
    yield f"signal=B:USR1@{SIGNAL_S}"
    yield "requeue" if job.requeues else "no-requeue"
    yield "open-mode=append"
    yield f"output=nobs-{'%A-%a' if job.is_array else '%j'}.log"
    if job.partition:
        yield f"partition={job.partition}"
    if job.gres:
        yield f"gres={job.gres}"
    yield from job.options


def _container(job: SlurmJob) -> Iterator[str]:
    if job.image:
        yield f"--container-image={shlex.quote(enroot_name(job.image))}"
        yield '--container-mounts="$results:$results"'
    if job.bundle:
        yield f"--container={shlex.quote(job.bundle)}"


def _quoted(words: Sequence[str]) -> str:
    return " ".join(map(shlex.quote, words))
