"""How a run ends that its worker took for interrupted."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from nobs.errors import FailureClass
from nobs.launch.run.ending import finish
from nobs.report.finish import record_missing
from nobs.schema.enums import Execution
from nobs.schema.outcome import Outcome
from tests.fakes.rounds import reason_of
from tests.fakes.runs import order, quick_workload


@pytest.mark.parametrize(
    ("seen", "reason", "code"),
    [
        ({}, "failed: interrupted", 130),
        ({"interrupted": True}, "failed: interrupted", 130),
        ({"interrupted": True, "error": "went away"}, "failed: interrupted", 130),
        ({"error": "The container engine went away."}, "lost: infra", 5),
        ({"timed_out": True}, "failed: timeout", 5),
    ],
)
def test_who_saw_why_the_worker_was_stopped_says_so(
    tmp_path: Path, seen: dict[str, Any], reason: str, code: int
) -> None:
    run_dir = order(tmp_path / "results", quick_workload())
    spec = run_dir.read_spec()
    record_missing(run_dir, spec, FailureClass.INTERRUPTED, "The run was interrupted.")
    now = datetime.now(UTC)
    outcome = Outcome(
        execution=Execution.CONTAINER, exit_code=130, started=now, finished=now, **seen
    )

    assert finish(run_dir, spec, outcome).exit_code == code

    (step,) = spec.steps
    assert reason_of(run_dir, step.id) == reason
    failure = run_dir.read_report().tasks[0].models[step.model.id].failure
    assert failure is not None
    assert seen.get("error", "") in failure.message or seen.get("interrupted")
