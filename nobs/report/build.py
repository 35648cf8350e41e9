"""Build the report of a run from its specification and the results so far."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from nobs.errors import FailureClass
from nobs.report.definitions import find_open_reasons, fits
from nobs.report.flags import find_machine_flags, with_flags
from nobs.report.sustained import find_sustained
from nobs.report.verdict import with_verdict
from nobs.schema.device import DeviceInfo, DeviceRef
from nobs.schema.enums import Status
from nobs.schema.flags import Flag, FlagName
from nobs.schema.pins import Workload
from nobs.schema.report import ModelReport, Report, RunInfo, TaskReport, WorkloadRef
from nobs.schema.result import Failure, StepResult
from nobs.schema.share import Share
from nobs.schema.spec import RunSpec, StepSpec
from nobs.storage.files import digest_of, sha256_of
from nobs.system.matching import describe_computing, find_difference
from nobs.tasks import TASKS
from nobs.tasks.parameters import typed_spec

SHARED = tuple(name for name in ModelReport.model_fields if name in StepResult.model_fields)
"""Fields that the report of a model takes over from the result of its step."""


def build_report(
    spec: RunSpec,
    results: Mapping[str, StepResult],
    *,
    finished: bool,
    models: Mapping[str, ModelReport] | None = None,
) -> Report:
    """Return the report of `results` (step id -> result); `finished` if no step is left.

    `models` are the results' summaries, where they have been made already.
    """
    spec = typed_spec(spec)
    if models is None:
        models = {s.id: summarise(spec, s, results[s.id]) for s in spec.steps if s.id in results}
    now = datetime.now(UTC)
    device_info, flags = _find_device(spec.device_info, results)
    tasks = tuple(
        _build_task(spec, index, results, models)
        for index in range(len(spec.workloads))
        if any(step.id in results for step in _steps_of(spec, index))
    )
    ok = sum(model.is_complete for task in tasks for model in task.models.values())
    report = Report(
        timestamp=now,
        device_info=device_info,
        tasks=tasks,
        run=RunInfo(
            id=spec.run_id,
            nobs_version=spec.nobs_version,
            nobs_commit=spec.nobs_commit,
            node=spec.node,
            resumes=spec.resumes,
            backend=spec.backend,
            device=_credit(spec.device, results),
            together=spec.together,
            share=_share_of(spec.workloads),
            execution=spec.execution,
            profile=spec.profile,
            status=Status.OK if ok == len(spec.steps) else Status.FAILED,
            started=spec.created,
            finished=now if finished else None,
            image=spec.image,
            engine=spec.engine,
            flags=(*flags, *find_machine_flags(_find_host(results), spec.execution)),
        ),
        environment=_find_environment(results),
    )
    return seal(report)


def seal(report: Report) -> Report:
    """Return `report` with the digest of everything else in it."""
    digest = digest_of(report.model_dump(mode="json", by_alias=True))
    return report.model_copy(update={"digest": digest})


def fingerprint(workload: Workload) -> str:
    """Return the sha256 that two results must share to be comparable; repeats may differ."""
    # The tag of the parameters follows from the task, and older fingerprints were made without it.
    pins = workload.model_dump(
        mode="json",
        exclude={"open_reasons": True, "policy": True, "catalog": True, "params": {"kind"}},
    )
    # Speed after rests, or over a long time, is another quantity.
    pace = workload.policy.model_dump(include={"sustain_s", "rest_s", "rest_until_recovered"})
    return sha256_of(pins | ({"policy": pace} if pace else {}))


def summarise(spec: RunSpec, step: StepSpec, result: StepResult) -> ModelReport:
    """Return the figures and flags of one step; passes on what the task raises for bad data.

    A step with wrong output has failed, however fast it was.
    """
    workload = spec.workload_of(step)
    definition = TASKS.load(workload.task)
    model = definition.summarise(result, _base(spec, step, result))
    model = with_verdict(model, definition, workload.policy, beside=bool(spec.together))
    model = with_flags(model, definition)
    if model.status is not Status.OK or not fits(definition, model):
        return model
    faults = list(definition.check_output(model))
    if not faults:
        return model
    failure = Failure(
        failure_class=FailureClass.BENCHMARK,
        type="WrongOutput",
        message=" ".join(faults),
        remedy="Ignore the speed. Check the device, its driver, the libraries or the server, and"
        " download the weights again.",
    )
    return model.model_copy(update={"status": Status.FAILED, "failure": failure})


def _build_task(
    spec: RunSpec,
    index: int,
    results: Mapping[str, StepResult],
    summaries: Mapping[str, ModelReport],
) -> TaskReport:
    workload = spec.workloads[index]
    definition = TASKS.load(workload.task)
    steps = _steps_of(spec, index)
    models = {step.model.id: summaries[step.id] for step in steps if step.id in summaries}
    whole = len(models) == len(steps)
    return TaskReport(
        task=workload.task,
        dataset_size=workload.dataset.rows,
        models=models,
        task_score=definition.score(list(models.values())) if whole else None,
        workload=_describe_workload(
            _open_for(workload, models.values()), [results.get(step.id) for step in steps]
        ),
    )


def _open_for(workload: Workload, models: Iterable[ModelReport]) -> Workload:
    """Add the open reasons that only measuring shows, such as the loaded modules."""
    definition = TASKS.load(workload.task)
    found = (
        reason for model in models for reason in find_open_reasons(definition, model, workload)
    )
    reasons = tuple(dict.fromkeys((*workload.open_reasons, *found)))
    return workload.model_copy(update={"open_reasons": reasons})


def _base(spec: RunSpec, step: StepSpec, result: StepResult) -> ModelReport:
    policy = spec.workload_of(step).policy
    return ModelReport(
        **{name: getattr(result, name) for name in SHARED},
        model_name=step.model.id,
        revision=step.model.revision or (result.weights.revision if result.weights else None),
        device=spec.backend,
        sustained=find_sustained(result.samples, policy, result.telemetry),
    )


def _describe_workload(workload: Workload, results: list[StepResult | None]) -> WorkloadRef:
    evidence = [result.data for result in results if result is not None and result.data]
    return WorkloadRef(
        name=workload.label,
        division=workload.division,
        open_reasons=workload.open_reasons,
        fingerprint=fingerprint(workload),
        dataset=workload.dataset.model_dump(mode="json"),
        models=workload.models,
        params=workload.params.model_dump(mode="json"),
        policy=workload.policy.model_dump(mode="json"),
        catalog=workload.catalog,
        data=evidence[0] if evidence else None,
    )


def _find_device(
    planned: DeviceInfo, results: Mapping[str, StepResult]
) -> tuple[DeviceInfo, tuple[Flag, ...]]:
    """Return the device that the first step computed on; a flag if it isn't the planned one."""
    checks = (check for result in results.values() for check in result.checks if check.passed)
    check = next(checks, None)
    if check and not planned.device.is_builtin:
        return describe_computing(planned, check), ()
    difference = find_difference(planned, check) if check else None
    if check is None or difference is None:
        return planned, ()
    message = f"The run was planned for another device: {difference}."
    return describe_computing(planned, check), (Flag.note(FlagName.OTHER_DEVICE, message),)


def _share_of(workloads: Iterable[Workload]) -> Share | None:
    """Return the share of a load that the run drives, whichever workload has it."""
    shares = (TASKS.load(each.task).share_of(each.params) for each in workloads)
    return next((share for share in shares if share is not None), None)


def _credit(device: DeviceRef | None, results: Mapping[str, StepResult]) -> DeviceRef | None:
    """Return the chosen device with what the process that computed on it saw."""
    checks = [check for result in results.values() for check in result.checks if check.passed]
    if device is None or device.cores or not checks:
        return device
    seen = checks[0]
    return device.model_copy(update={"pci": seen.pci, "uuid": device.uuid or seen.uuid})


def _find_environment(results: Mapping[str, StepResult]) -> dict[str, Any]:
    """Return the environment of the first step with torch, else of the first step."""
    reported = [result.environment for result in results.values() if result.environment]
    return next((each for each in reported if "torch" in each), reported[0] if reported else {})


def _find_host(results: Mapping[str, StepResult]) -> Mapping[str, Any]:
    """Return the facts of the machine; on battery if any step was."""
    host = _find_environment(results).get("host", {})
    hosts = [result.environment.get("host", {}) for result in results.values()]
    return host | {"on_battery": any(each.get("on_battery") for each in hosts)} if host else {}


def _steps_of(spec: RunSpec, index: int) -> list[StepSpec]:
    return [step for step in spec.steps if step.workload == index]
