from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from nobs.catalog import load_catalog
from nobs.errors import UsageError
from nobs.launch.executor.native import NativeExecutor
from nobs.launch.planning.plan import make_plan
from nobs.launch.run.resume import plan_resume
from nobs.launch.run.together import plan_together
from nobs.schema.device import DeviceRef
from nobs.schema.enums import Division, Execution
from nobs.schema.state import RunState
from nobs.storage.owner import this_owner
from tests.fakes.facts import make_facts
from tests.fakes.reports import make_report
from tests.fakes.rounds import change_spec
from tests.fakes.run_requests import make_request
from tests.fakes.runs import faulty_workload, order


def test_runs_at_once_are_open_and_long_enough_to_overlap() -> None:
    request = make_request(tasks=("embeddings",), execution=Execution.NATIVE)
    alone = make_plan(request, load_catalog(), make_facts())
    plans = [
        replace(alone, spec=alone.spec.model_copy(update={"device": DeviceRef(name=name)}))
        for name in ("cpu:0", "cpu:1")
    ]
    reports = [make_report(speed=speed, tasks=("embeddings",)) for speed in (1.0, 0.5)]
    first, second = plan_together(plans, reports, start_s=5.0)
    (work,) = first.spec.workloads

    assert (first.spec.together, second.spec.together) == (("cpu:1",), ("cpu:0",))
    assert work.division is Division.OPEN
    assert work.open_reasons == ("measured at once with cpu:1 (--together)",)
    # The slowest model takes 5.8 s on the slow device: 7 such repeats, and 10 s of later starts.
    assert work.policy.repeats is not None
    assert 1.4 * work.policy.repeats > 7 * 5.7 + 10


def test_a_run_at_once_is_not_resumed_alone(tmp_path: Path) -> None:
    run_dir = order(tmp_path / "results", faulty_workload(tmp_path, "fine"))
    change_spec(run_dir, together=("cuda:1",))
    now = datetime.now(UTC)
    run_dir.write(run_dir.state_file, RunState(owner=this_owner(), since=now, deadline=now))
    with pytest.raises(UsageError, match="measured at once with cuda:1; resumed, its device would"):
        plan_resume(run_dir, tmp_path, make_facts(), NativeExecutor())
