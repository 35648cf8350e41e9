"""A job of Slurm: submitted, watched by `scontrol`, cancelled."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from nobs.errors import NobsError, RequirementError, UsageError
from nobs.text import to_line

TIMEOUT_S = 120.0
"""The programs try again by themselves for about a minute."""
MOST_CHARACTERS = 500
_UNREACHABLE = re.compile(
    r"unable to contact|connection (refused|timed)|connect failure|timed out|zero bytes"
    r"|fetch_config|configuration (source|file)|communication|munge|authentication|credential",
    re.I,
)
_UNKNOWN_JOB = re.compile(r"invalid job id", re.I)
_PREFIX = re.compile(r"^\w+: (error: |fatal: )*")
_NAME = re.compile(r"nobs-([0-9a-f]+)")

_IMPOSSIBLE = {
    "PartitionNodeLimit": "it asks for more nodes than its partition gives to a job",
    "PartitionTimeLimit": "its time limit is above that of its partition",
    "BadConstraints": "no node has what it asks for",
    "AccountNotAllowed": "its account may not use the partition",
    "QOSNotAllowed": "its quality of service may not use the partition",
    "InvalidAccount": "its account is unknown",
    "InvalidQOS": "its quality of service is unknown",
    "PartitionInactive": "its partition takes no jobs",
}
"""Reasons of Slurm for which a job waits for ever."""
_PER_JOB = re.compile(r"(QOS|Assoc)(Max|Grp).*PerJob")
_WAITS = {
    "None": "waits to be considered",
    "Resources": "waits for free nodes",
    "Priority": "waits behind other jobs",
    "BeginTime": "waits for its earliest start",
    "Dependency": "waits for another job",
    "ReqNodeNotAvail": "waits for a node that is down, drained or reserved",
    "PartitionConfig": "waits for its partition",
    "PartitionDown": "waits, because its partition is down",
    "JobHeldUser": "is held by you; `scontrol release` frees it",
    "JobHeldAdmin": "is held by an administrator",
    "Licenses": "waits for a licence",
    "NodeDown": "waits, because a node is down",
}
_ENDS = {
    "COMPLETED": ("has ended", 0),
    "FAILED": ("has failed", 1),
    "CANCELLED": ("was cancelled", 130),
    "TIMEOUT": ("was ended by Slurm at its time limit", 5),
    "DEADLINE": ("was ended by Slurm at its deadline", 5),
    "NODE_FAIL": ("has failed with one of its nodes", 5),
    "BOOT_FAIL": ("has failed, because a node didn't boot", 5),
    "PREEMPTED": ("was preempted", 130),
    "OUT_OF_MEMORY": ("was ended for using more memory than it may", 1),
    "REVOKED": ("was taken by another cluster", 5),
}
"""States that a job keeps: in words, with the exit code if its own is 0."""


class Unreachable(RequirementError):
    """The controller of Slurm doesn't answer."""


class ForgottenJob(UsageError):
    """Slurm doesn't know the job, or doesn't any more."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """One job: the whole, or one of an array; as `scontrol` shows it."""

    state: str
    reason: str = ""
    nodes: str = ""
    """As in n[1-3]; empty before the start."""
    restarts: int = 0
    exit_code: int = 0
    log: str = ""
    starts: str = ""
    key: str = ""
    """That of the batch script, in the job's name; empty for another name."""

    @property
    def is_over(self) -> bool:
        """Whether Slurm has finished with it."""
        return self.state in _ENDS

    @property
    def is_impossible(self) -> bool:
        """Whether it waits for what never comes."""
        waits = self.state == "PENDING" or (self.state == "FAILED" and not self.nodes)
        return waits and bool(self.reason in _IMPOSSIBLE or _PER_JOB.match(self.reason))

    @property
    def words(self) -> str:
        """What it does, as the rest of a sentence."""
        where = f" on {self.nodes}" if self.nodes else ""
        if self.state in _ENDS:
            code = f" with exit code {self.exit_code}" if self.exit_code else ""
            return f"{_ENDS[self.state][0]}{code}{where}"
        if self.state == "PENDING":
            start = self.starts if self.reason == "BeginTime" else ""
            waits = _WAITS.get(self.reason, f"waits: {self.reason}")
            return f"{waits}, {start}" if start else waits
        doing = {"RUNNING": "runs", "COMPLETING": "is ending", "CONFIGURING": "waits for the boot"}
        return f"{doing.get(self.state, self.state.lower())}{where}"


@dataclass(frozen=True)
class Job:
    """A job with all its parts; only one if it isn't an array."""

    parts: tuple[Part, ...]

    @property
    def is_over(self) -> bool:
        """Whether all parts are."""
        return all(part.is_over for part in self.parts)

    @property
    def restarts(self) -> int:
        """How often parts were requeued."""
        return sum(part.restarts for part in self.parts)

    @property
    def nodes(self) -> list[str]:
        """Expressions for the nodes of all parts."""
        return sorted({part.nodes for part in self.parts if part.nodes})

    @property
    def logs(self) -> list[Path]:
        """Where the parts wrote what they printed."""
        return [Path(part.log) for part in self.parts if part.log]

    def directory(self, name: str) -> str:
        """Return a pattern for the directory of job `name` in `jobs` of the results."""
        return f"{name}-{self.parts[0].key or '*'}"

    @property
    def exit_code(self) -> int:
        """The highest of the parts; 0 only if Slurm calls all of them completed."""
        return max(part.exit_code or _ENDS.get(part.state, ("", 5))[1] for part in self.parts)

    @property
    def words(self) -> str:
        """What its parts do, each sentence once."""
        return "; ".join(dict.fromkeys(part.words for part in self.parts))

    def refuse(self, name: str) -> NobsError | None:
        """Return why it can never start; None if it can."""
        for part in self.parts:
            if part.is_impossible:
                why = _IMPOSSIBLE.get(part.reason, f"it exceeds a limit ({part.reason})")
                return UsageError(
                    f"Slurm can never start job {name}: {why}.",
                    "It was cancelled. Ask for less (--nodes, --gres, --time MINUTES), or name "
                    "another --partition; `scontrol show partition` shows what there is.",
                )
        return None


def check_installed() -> None:
    """Raise RequirementError if this machine can't submit jobs."""
    missing = [name for name in ("sbatch", "scontrol", "scancel") if shutil.which(name) is None]
    if missing:
        raise RequirementError(
            f"{', '.join(missing)}: not found on this machine.",
            "Run this where jobs of Slurm are submitted, such as the cluster's login node, or "
            "write the script with `nobs export slurm` and submit it there.",
        )


def submit(script: str) -> str:
    """Return the id of the new job; UsageError if Slurm can never start it."""
    # By default `sbatch` itself takes some jobs that would queue for ever.
    _ask("sbatch", "--test-only", stdin=script)
    answer = _ask("sbatch", "--parsable", stdin=script)
    return answer.strip().partition(";")[0]


def show(name: str) -> Job:
    """Return the job; ForgottenJob if Slurm doesn't know it, Unreachable if nobody answers."""
    text = _ask("scontrol", "show", "job", "--oneliner", name)
    parts = tuple(parse_part(line) for line in text.splitlines() if line.startswith("JobId="))
    if not parts:
        raise _forgotten(name)
    return Job(parts)


def cancel(name: str) -> None:
    """End the job; one that is over already stays as it is."""
    _ask("scancel", name)


def expand_nodes(expressions: Iterable[str]) -> list[str]:
    """Return the names of nodes, as n1 and n2 for n[1-2]."""
    names: dict[str, None] = {}
    for each in expressions:
        names |= dict.fromkeys(_ask("scontrol", "show", "hostnames", each).split())
    return list(names)


def parse_part(line: str) -> Part:
    """Return what one line of `scontrol show job --oneliner` says."""
    # Values such as the job's name can have blanks; those that are read here have none.
    found = dict(re.findall(r"(?:^| )([A-Za-z/:]+)=(\S*)", line))
    named = _NAME.fullmatch(found.get("JobName", ""))
    return Part(
        state=found.get("JobState", ""),
        reason=found.get("Reason", "").partition(",")[0],
        nodes=_known(found.get("NodeList", "")),
        restarts=int(found.get("Restarts", "0")),
        exit_code=int(found.get("ExitCode", "0:0").partition(":")[0]),
        log=_known(found.get("StdOut", "")),
        starts=_known(found.get("StartTime", "")),
        key=named[1] if named else "",
    )


def _known(value: str) -> str:
    return "" if value in ("(null)", "Unknown", "N/A") else value


def _forgotten(name: str) -> ForgottenJob:
    return ForgottenJob(
        f"Slurm doesn't know job {to_line(name)}, or not any more.",
        "`squeue --me` lists jobs; what it wrote can be collected with `nobs collect`.",
    )


def _ask(program: str, *words: str, stdin: str = "") -> str:
    """Return what a program of Slurm prints; an error in words if it fails."""
    try:
        done = subprocess.run(
            [program, *words], input=stdin, capture_output=True, text=True, errors="replace",
            timeout=TIMEOUT_S, check=False, env={**os.environ, "LC_ALL": "C"},
            # Ctrl-C is for NOBS, which asks what shall become of the job.
            start_new_session=True,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise _unreachable(f"no answer in {TIMEOUT_S:g} s", program) from None
    except OSError as error:
        raise _unreachable(str(error), program) from error
    if done.returncode == 0:
        return done.stdout
    reason = _reason(done.stderr.splitlines() or done.stdout.splitlines())
    if _UNKNOWN_JOB.search(reason):
        raise _forgotten(words[-1])
    if _UNREACHABLE.search(done.stderr):
        raise _unreachable(reason, program)
    raise UsageError(
        f"Slurm refuses the job: {reason}.",
        "Nothing was submitted. Ask for less, or name another --partition: `sinfo "
        "--Format=Partition,Nodes,CPUs,Memory,Gres,Time` shows what there is.",
    )


def _unreachable(reason: str, program: str) -> Unreachable:
    return Unreachable(
        f"Slurm doesn't answer ({program}: {reason.rstrip('.')}).",
        "`scontrol ping` shows whether its controller runs; SLURM_CONF names its configuration.",
    )


def _reason(lines: Sequence[str]) -> str:
    """Return the last line, which is the most exact one, without what programs put in front."""
    said = [_PREFIX.sub("", line).strip() for line in lines if line.strip()]
    text = said[-1] if said else "no reason is given"
    text = text.removeprefix("allocation failure: ")
    return to_line(text.removeprefix("Batch job submission failed: ").rstrip("."), MOST_CHARACTERS)
