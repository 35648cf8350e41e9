"""One step from its specification to its result file, with the time of each phase."""

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

from nobs.data.found import Inputs, Model
from nobs.log import bind, get_logger
from nobs.runner.environment import (
    check_device,
    device_target,
    read_environment,
    torch_device,
)
from nobs.runner.failures import describe, describe_stop
from nobs.runner.measure import repeat
from nobs.runner.memory import clear_memory, leave_out, read_allocated, read_peaks
from nobs.runner.pace import make_pace
from nobs.runner.served import ServerClock, split_foreign
from nobs.runner.stop import Stopped, finish_undisturbed
from nobs.runner.telemetry import IDLE_CPU_S, Monitor
from nobs.schema.enums import Status
from nobs.schema.pins import RepeatPolicy
from nobs.schema.result import (
    Calibration,
    DeviceCheck,
    Failure,
    Phases,
    Sample,
    StepResult,
    WeightsEvidence,
)
from nobs.schema.server import ServerRef
from nobs.schema.spec import RunSpec, StepSpec
from nobs.schema.telemetry import PARTS
from nobs.storage.rundir import RunDir, make_parent
from nobs.system.telemetry import find_readers
from nobs.tasks import TASKS
from nobs.tasks.base import (
    Bench,
    HasExtra,
    KeepsRepeats,
    Profiled,
    TaskDefinition,
    Work,
    import_part,
)
from nobs.tasks.parameters import typed_spec

log = get_logger()


@dataclass
class Recording:
    """The record of a step while it runs; becomes its result, also after a failure."""

    spec: RunSpec
    step: StepSpec
    directory: Path
    telemetry_file: Path
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    clock: float = field(default_factory=time.perf_counter)
    phases: dict[str, Any] = field(default_factory=dict)
    checks: list[DeviceCheck] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    calibrations: list[Calibration] = field(default_factory=list)
    values: dict[str, Any] = field(default_factory=dict)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Add the seconds of the block to a phase; log that it began."""
        log.info("phase.started", phase=name)
        start = time.perf_counter()
        try:
            yield
        finally:
            key = f"{name}_s"
            self.phases[key] = self.phases.get(key, 0.0) + time.perf_counter() - start

    @property
    def is_interrupted(self) -> bool:
        """Whether a stop signal cut the measurement short."""
        return "interrupted_after" in self.values

    @contextmanager
    def interruptible(self, policy: RepeatPolicy) -> Iterator[None]:
        """Let a stop signal end the block and keep the repeats, if there are enough of them."""
        try:
            yield
        except Stopped:
            if len(self.samples) < policy.least:
                raise
            self.values["interrupted_after"] = len(self.samples)

    def result(self, failure: Failure | None) -> StepResult:
        """Return the record of the step as it ended."""
        imported = 0.0 if self.phases.get("import_shared") else self.phases.get("import_s", 0.0)
        spent = sum(v for k, v in self.phases.items() if k.endswith("_s") and k != "import_s")
        own = time.perf_counter() - self.clock - spent - imported
        return StepResult(
            step=self.step.id,
            task=self.spec.workload_of(self.step).task,
            model=self.step.model.id,
            status=Status.FAILED if failure else Status.OK,
            started=self.started,
            finished=datetime.now(UTC),
            failure=failure,
            samples=tuple(self.samples),
            checks=tuple(self.checks),
            calibrations=tuple(self.calibrations),
            phases=Phases(**self.phases, overhead_s=max(0.0, own)),
            **self.values,
        )


def run_step(run_dir: RunDir, step_id: str, shared_import_s: float | None = None) -> int:
    """Measure one step and write its result; return 0 if it is ok, else 1.

    `shared_import_s` is what the parent spent on importing for all steps of the run.
    """
    spec = typed_spec(run_dir.read_spec())
    step = next(step for step in spec.steps if step.id == step_id)
    bind(step=step.id)
    recording = Recording(
        spec, step, run_dir.step_directory(step.id), run_dir.telemetry_file(step.id)
    )
    failure: Failure | None = None
    try:
        _measure(recording, shared_import_s)
    except Stopped:
        failure = describe_stop(spec, len(recording.samples))
    except Exception as error:  # noqa: BLE001 - the outermost frame: every failure is recorded
        failure = describe(error)
        log.warning("step.error", failure_class=failure.failure_class, message=failure.message)
    run_dir.write(run_dir.result_file(step.id), recording.result(failure))
    return 1 if failure else 0


def _measure(recording: Recording, shared_import_s: float | None) -> None:
    """Open inputs and model, run the bench on the device or the server, and clean up."""
    spec, step = recording.spec, recording.step
    workload = spec.workload_of(step)
    task = TASKS.load(workload.task)
    kind = _import_bench(recording, task, shared_import_s)
    device = torch_device(spec.backend) if task.uses_device else ""
    if device:
        _check_device(recording)
    recording.values["environment"] = read_environment(spec, with_torch=task.uses_device)
    with recording.phase("data"):
        inputs: Inputs = import_part(task, task.inputs)(workload.dataset, offline=spec.offline)
        model: Model | None = None
        if device:
            model = import_part(task, task.weights)(step.model, offline=spec.offline)
    weights = model.weights if model else _served_weights(spec.server, step)
    recording.values |= {"data": inputs.evidence, "weights": weights}
    bench: Bench = kind(
        Work(model=step.model, model_path=model.path if model else Path(), inputs=inputs.rows,
             workload=workload, directory=recording.directory, torch_device=device,
             server=None if device else spec.server,
             connection=None if device else spec.connection)
    )  # fmt: skip
    try:
        run_bench(recording, bench, task, device)
    finally:
        bench.close()
        if device:
            clear_memory()
    if device:
        left = {"device_allocated_after_clear_bytes": read_allocated(device)}
        recording.values["memory"] = recording.values["memory"].model_copy(update=left)
        _check_device(recording)


def _check_device(recording: Recording) -> None:
    with recording.phase("device_check"):
        recording.checks.append(check_device(recording.spec.backend, recording.spec.device))


def _served_weights(server: ServerRef | None, step: StepSpec) -> WeightsEvidence | None:
    """Return the served weights, if the launcher has hashed the pinned file."""
    identity = server.identity if server else None
    if identity is None or identity.weights_sha256 is None or step.model.weights_file is None:
        return None
    files = {step.model.weights_file: identity.weights_sha256}
    return WeightsEvidence(files=files, verified=bool(step.model.weights_sha256))


def run_bench(recording: Recording, bench: Bench, task: TaskDefinition, device: str) -> None:
    """Load, warm up, measure between two calibrations, profile and read back."""
    policy = recording.spec.workload_of(recording.step).policy

    def on_repeat(number: int, sample: Sample) -> None:
        monitor.mark()
        if not device:
            sample = split_foreign(sample, server.lap())
        if number == 1:
            began = datetime.now(UTC) - timedelta(seconds=sample.duration_s)
            recording.values["repeats_started"] = began
        recording.samples.append(sample)
        log.info(
            "repeat.finished", repeat=number, repeats=policy.repeats,
            duration_s=sample.duration_s, units=sample.units, unit=task.unit, **monitor.now(),
        )  # fmt: skip

    with recording.phase("baseline"):
        readers = find_readers(device_target(recording.spec.backend))
        monitor = Monitor(readers, alone=bool(device))
        server = ServerClock(None if device else recording.spec.server)
        monitor.watch_idle(cpu_s=0.0 if device or server.is_seen else IDLE_CPU_S)
    with closing(monitor):
        with recording.phase("load"):
            bench.load()
            bench.synchronize()
        with recording.phase("warmup"):
            bench.warm_up()
            bench.synchronize()
        before = read_peaks(device)
        _calibrate(recording, bench)
        during = read_peaks(device)
        server.lap()
        with recording.interruptible(policy), recording.phase("measure"), monitor:
            pace = make_pace(policy, monitor.now, device)
            repeat(bench, policy, on_repeat, pace)
        if pace:
            recording.values["warnings"] = pace.warnings()
        recording.values["memory"] = leave_out(before, during, read_peaks(device))
        parts = PARTS if policy.sustain_s else 0
        recording.values["telemetry"] = monitor.summarise(recording.samples, parts)
        recording.values["environment"]["devices"] = monitor.facts()
        make_parent(recording.telemetry_file)
        monitor.write(recording.telemetry_file, recording.samples)
    if not recording.is_interrupted:
        with recording.interruptible(policy):
            _measure_more(recording, bench)
    finish_undisturbed()
    if recording.is_interrupted and isinstance(bench, KeepsRepeats):
        bench.keep(len(recording.samples))
    recording.values["facts"] = bench.facts()


def _measure_more(recording: Recording, bench: Bench) -> None:
    """Measure what doesn't belong to the repeats."""
    _calibrate(recording, bench)
    if isinstance(bench, HasExtra):
        with recording.phase("extra"):
            bench.measure_extra()
    if isinstance(bench, Profiled):
        with recording.phase("profile"):
            bench.profile(median(sample.duration_s for sample in recording.samples))


def _calibrate(recording: Recording, bench: Bench) -> None:
    """Measure the peak rates of the device, then restore the memory of the work."""
    if not isinstance(bench, Profiled):
        return
    with recording.phase("calibrate"):
        like = recording.calibrations[0] if recording.calibrations else None
        recording.calibrations.append(bench.calibrate(like))
        clear_memory()
        bench.restore()
        bench.synchronize()


def _import_bench(
    recording: Recording, task: TaskDefinition, shared_s: float | None
) -> Callable[[Work], Bench]:
    """Import the task's heavy module, unless the parent has imported it."""
    with recording.phase("import"):
        kind: Callable[[Work], Bench] = import_part(task, task.bench)
    if shared_s is not None:
        recording.phases |= {"import_s": shared_s, "import_shared": True}
    return kind
