"""The launcher around an executor: what is asked of it, and what a run leaves."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from threading import Event, Thread

import pytest

from nobs.catalog import load_catalog
from nobs.errors import EngineError, FailureClass, UsageError
from nobs.launch.executor.base import Leftover
from nobs.launch.output import OnEvent
from nobs.launch.planning.plan import Plan, make_plan
from nobs.launch.planning.request import RunRequest
from nobs.launch.run.attach import attach, take_over
from nobs.launch.run.launcher import launch, resume
from nobs.launch.run.ownership import claimed
from nobs.launch.run.resume import plan_resume
from nobs.launch.run.runs import RunPhase, list_runs
from nobs.launch.run.sweep import clean, sweep
from nobs.report.finish import record_missing
from nobs.schema.enums import Backend, Execution
from nobs.storage.rundir import RunDir
from nobs.storage.store import find_run
from tests.fakes.executor import FakeExecutor
from tests.fakes.facts import make_facts
from tests.fakes.rounds import reason_of
from tests.fakes.runs import order, quick_workload


def make_run(results: Path) -> Plan:
    request = RunRequest(
        tasks=("embeddings",), profile="quick", backend=Backend.CPU,
        execution=Execution.NATIVE, results=results,
    )  # fmt: skip
    return make_plan(request, load_catalog(), make_facts())


def ignore(_event: object) -> None:
    pass


def fail_all(run_dir: RunDir, _on_event: OnEvent) -> None:
    """Do the work of a worker whose steps all fail."""
    record_missing(run_dir, run_dir.read_spec(), FailureClass.BENCHMARK, "It failed.")


def left_run(tmp_path: Path) -> RunDir:
    """Return a run that was begun by this process, as if it had died."""
    run_dir = order(tmp_path / "results", quick_workload())
    with claimed(run_dir, run_dir.read_spec()) as state:
        owner = state.owner.model_copy(update={"pid": 4194304, "started": "0badb007-1"})
    run_dir.write(run_dir.state_file, state.model_copy(update={"owner": owner}))
    return run_dir


def test_a_run_is_prepared_carried_out_and_reported(tmp_path: Path) -> None:
    plan, executor = make_run(tmp_path), FakeExecutor(work=fail_all, exit_code=1)

    finished = launch(plan, executor, ignore)

    assert executor.calls == ["prepare", "run"]
    assert finished.exit_code == 1
    assert finished.report.run.finished is not None
    assert reason_of(finished.run_dir, plan.spec.steps[0].id) == "failed: benchmark"


def test_an_interrupted_run_is_reported_as_such(tmp_path: Path) -> None:
    def interrupt(_run_dir: RunDir, _on_event: OnEvent) -> None:
        raise KeyboardInterrupt

    plan = make_run(tmp_path)

    finished = launch(plan, FakeExecutor(work=interrupt), ignore)

    assert finished.exit_code == 130
    assert reason_of(finished.run_dir, plan.spec.steps[0].id) == "failed: interrupted"


def test_a_run_that_could_not_start_leaves_no_directory(tmp_path: Path) -> None:
    def refuse(_run_dir: RunDir, _on_event: OnEvent) -> None:
        raise EngineError("It can't start.", "Start it.")

    with pytest.raises(EngineError):
        launch(make_run(tmp_path), FakeExecutor(work=refuse), ignore)

    assert list((tmp_path / "runs").iterdir()) == []


def test_a_run_at_work_is_not_resumed(tmp_path: Path) -> None:
    plan = make_run(tmp_path)
    launch(plan, FakeExecutor(work=fail_all), ignore)

    with pytest.raises(UsageError, match="is still running"):
        resume(plan, FakeExecutor(running={plan.spec.run_id}), ignore)


def test_another_environment_keeps_a_run_from_being_resumed(tmp_path: Path) -> None:
    plan = make_run(tmp_path)
    launch(plan, FakeExecutor(work=fail_all), ignore)
    run_dir = find_run(tmp_path, plan.spec.run_id)
    now = FakeExecutor(environments=({"image": "sha256:a"}, {"image": "sha256:b"}))

    with pytest.raises(UsageError, match="image was sha256:a, is sha256:b"):
        plan_resume(run_dir, tmp_path, make_facts(), now)

    resumed = plan_resume(run_dir, tmp_path, make_facts(), FakeExecutor())
    assert resumed.spec.steps == plan.spec.steps


def test_attach_follows_a_worker_whose_launcher_died(tmp_path: Path) -> None:
    run_dir = left_run(tmp_path)
    executor = FakeExecutor(running={"a-run"}, work=fail_all, exit_code=1)
    (listed,) = list_runs(run_dir.results, [executor])

    finished = attach(run_dir, executor, ignore)

    assert listed.phase is RunPhase.ORPHANED
    assert (executor.calls, finished.exit_code) == (["adopt"], 1)
    assert not executor.is_running(run_dir)


def test_an_interrupt_while_attach_starts_its_thread_interrupts_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_dir, start, begun = left_run(tmp_path), Thread.start, list[Thread]()

    def interrupt_first(thread: Thread) -> None:
        begun.append(thread)
        if len(begun) == 1:
            raise KeyboardInterrupt
        start(thread)

    monkeypatch.setattr(Thread, "start", interrupt_first)
    finished = attach(run_dir, FakeExecutor(running={"a-run"}), ignore)

    assert finished.exit_code == 130


def test_a_run_of_another_machine_is_not_called_running(tmp_path: Path) -> None:
    run_dir = left_run(tmp_path)
    state = run_dir.read_state()
    owner = state.owner.model_copy(update={"host": "another-machine"})
    run_dir.write(run_dir.state_file, state.model_copy(update={"owner": owner}))

    (listed,) = list_runs(run_dir.results, [FakeExecutor()])

    assert (listed.phase, listed.pid) == (RunPhase.ELSEWHERE, None)


def test_an_interrupted_takeover_stops_the_worker(tmp_path: Path) -> None:
    run_dir = left_run(tmp_path)

    finished = take_over(run_dir, FakeExecutor(running={"a-run"}), interrupted=True)

    assert finished.exit_code == 130
    assert not run_dir.read_outcome().timed_out


def leftover(run_dir: RunDir | None, remove: Callable[[], None] = lambda: None) -> Leftover:
    return Leftover(kind="job", name="x", run_dir=run_dir, remove=remove)


def test_leftovers_of_dead_launchers_are_collected(tmp_path: Path) -> None:
    run_dir, removed = left_run(tmp_path), Event()
    executor = FakeExecutor(leftovers=[leftover(None, removed.set), leftover(run_dir)])

    assert sweep(executor) == ["job x", "job x"]

    assert removed.is_set()
    assert run_dir.read_report().run.finished is not None


def test_leftovers_of_a_run_that_another_launcher_took_over_stay(tmp_path: Path) -> None:
    run_dir = left_run(tmp_path)
    state = run_dir.read_state()
    owner = state.owner.model_copy(update={"host": "elsewhere"})
    run_dir.write(run_dir.state_file, state.model_copy(update={"owner": owner}))

    assert sweep(FakeExecutor(leftovers=[leftover(run_dir)])) == []


def test_a_damaged_run_directory_does_not_keep_others_from_starting(tmp_path: Path) -> None:
    run_dir = left_run(tmp_path)
    run_dir.state_file.write_text("{")

    assert sweep(FakeExecutor(leftovers=[leftover(run_dir)])) == []


def test_clean_removes_finished_runs_that_are_old_enough(tmp_path: Path) -> None:
    plan = make_run(tmp_path)
    run_dir = launch(plan, FakeExecutor(work=fail_all), ignore).run_dir

    assert list(clean(tmp_path, [FakeExecutor()], None)) == []
    assert list(clean(tmp_path, [FakeExecutor()], timedelta(0))) == [f"run {run_dir.path}"]
    assert not run_dir.path.exists()
