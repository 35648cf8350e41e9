"""What Slurm says about a job, in words."""

from dataclasses import replace

import pytest

from nobs.launch.slurm import Job, Part, parse_part

LINE = (
    "JobId=9 JobName=nobs-0a1b UserId=root(0) Priority=1 Account=(null) JobState={state} "
    "Reason={reason} Dependency=(null) Requeue=1 Restarts=2 ExitCode=3:15 RunTime=00:00:00 "
    "StartTime=2026-11-29T07:04:02 Partition=all AllocNode:Sid=localhost:3056 "
    "NodeList={nodes} BatchHost=n1 StdErr=/a/e StdOut=/a/nobs-9.log Power="
)


def part(state: str, reason: str = "None", nodes: str = "(null)") -> Part:
    return parse_part(LINE.format(state=state, reason=reason, nodes=nodes))


def test_a_line_of_scontrol_is_read() -> None:
    assert part("RUNNING", nodes="n[1-3]") == Part(
        state="RUNNING", reason="None", nodes="n[1-3]", restarts=2, exit_code=3,
        log="/a/nobs-9.log", starts="2026-11-29T07:04:02", key="0a1b",
    )  # fmt: skip


def test_the_directory_of_a_job_is_that_of_its_own_script() -> None:
    renamed = replace(part("RUNNING"), key="")

    assert Job((part("RUNNING"),)).directory("9") == "9-0a1b"
    assert Job((renamed,)).directory("9") == "9-*"


@pytest.mark.parametrize(
    ("state", "reason", "nodes", "words"),
    [
        ("PENDING", "Resources", "(null)", "waits for free nodes"),
        ("PENDING", "JobHeldUser,_by_you", "", "is held by you; `scontrol release` frees it"),
        ("PENDING", "Newer", "", "waits: Newer"),
        ("PENDING", "BeginTime", "", "waits for its earliest start, 2026-11-29T07:04:02"),
        ("RUNNING", "None", "n[1-3]", "runs on n[1-3]"),
        ("COMPLETING", "None", "n1", "is ending on n1"),
        ("FAILED", "NonZeroExitCode", "n1", "has failed with exit code 3 on n1"),
        ("NEW_STATE", "None", "n1", "new_state on n1"),
    ],
)  # fmt: skip
def test_states_have_words(state: str, reason: str, nodes: str, words: str) -> None:
    assert part(state, reason, nodes).words == words


@pytest.mark.parametrize(
    ("state", "code"),
    [("COMPLETED", 0), ("FAILED", 1), ("CANCELLED", 130), ("TIMEOUT", 5), ("NODE_FAIL", 5),
     ("OUT_OF_MEMORY", 1), ("A_NEW_ONE", 5)],
)  # fmt: skip
def test_a_state_that_isn_t_completed_has_a_code(state: str, code: int) -> None:
    good = Part(state="COMPLETED")

    assert Job((good, Part(state=state))).exit_code == code
    assert Job((good, Part(state=state, exit_code=3))).exit_code == 3


@pytest.mark.parametrize(
    ("reason", "why"),
    [
        ("PartitionNodeLimit", "more nodes than its partition gives"),
        ("PartitionTimeLimit", "time limit is above"),
        ("QOSMaxNodePerJobLimit", r"exceeds a limit \(QOSMaxNodePerJobLimit\)"),
    ],
)
def test_what_can_never_start_is_told_apart_from_what_waits(reason: str, why: str) -> None:
    with pytest.raises(Exception, match=why):
        raise Job((Part(state="PENDING", reason=reason),)).refuse("9") or AssertionError


@pytest.mark.parametrize("reason", ["Resources", "Priority", "QOSMaxJobsPerUserLimit", "Newer"])
def test_what_waits_isn_t_refused(reason: str) -> None:
    assert Job((Part(state="PENDING", reason=reason),)).refuse("9") is None


def test_parts_that_do_the_same_are_said_once() -> None:
    states = ("RUNNING", "RUNNING", "PENDING")
    job = Job(tuple(Part(state=state, reason="Priority") for state in states))

    assert job.words == "runs; waits behind other jobs"
    assert not job.is_over
