"""Convert an older report to this schema."""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from nobs import __version__
from nobs.report.build import seal
from nobs.report.legacy.figures import figures_of, score_of
from nobs.report.legacy.report import LegacyModelReport, LegacyRequest, LegacyRun
from nobs.report.legacy.sources import (
    Device,
    EncodingModel,
    EncodingTask,
    OldReport,
    ServedRun,
    ServedTask,
    Source,
)
from nobs.schema.base import Record
from nobs.schema.device import DeviceInfo
from nobs.schema.enums import Backend, Division, Dtype, Status
from nobs.schema.origin import Origin, OriginKind
from nobs.schema.report import (
    Report,
    RunInfo,
    TaskReport,
    WorkloadRef,
)
from nobs.storage.files import sha256_of
from nobs.system.parsers.linux import parse_lscpu

PROFILE = "legacy"
ROUNDED = "The older program rounded the repeats; figures are medians of the rounded values."
SERVED = {
    OriginKind.NOBS: "The older report doesn't say how tokens per second were counted.",
    OriginKind.LAPERF: "TTFT excludes reasoning; tokens per second are output tokens over the whole"
    " latency.",
}
_LSCPU_FIELDS = re.compile(
    r" (?=(?:(?:BIOS )?(?:Vendor ID|Model name|CPU family)|Model|Thread\(s\) per core"
    r"|Core\(s\) per socket|Socket\(s\)|Stepping|Hypervisor vendor):)"
)


def convert(old: OldReport, origin: Origin, now: datetime) -> Report:
    """Return `old` in this schema; ValueError if it has an unknown name."""
    device = _device(old.device_info)
    return seal(
        Report(
            timestamp=now,
            device_info=device,
            tasks=tuple(_task(task, origin.kind, device.device) for task in old.tasks),
            run=RunInfo(
                id=f"legacy-{origin.file_sha256[:12]}",
                nobs_version=None,
                backend=device.device,
                execution=None,
                profile=PROFILE,
                status=Status.OK,
                started=None,
            ),
            origin=origin,
        )
    )


def describe_origin(old: OldReport, file: str, file_sha256: str) -> Origin:
    """Return the origin of `old`, with everything that has no place in this schema."""
    reported = old.model_extra or {}
    timed = any("total_time_seconds" in (task.model_extra or {}) for task in old.tasks)
    return Origin(
        kind=OriginKind.LAPERF if timed or "power_metrics" in reported else OriginKind.NOBS,
        file=file,
        file_sha256=file_sha256,
        timestamp=old.timestamp,
        imported_by=__version__,
        kept={**reported, **_kept_device(old.device_info), "tasks": [_kept(t) for t in old.tasks]},
    )


def _kept_device(device: Device) -> dict[str, Any]:
    kept = dict(device.model_extra or {})
    if _processor(device.processor) != device.processor:
        kept["processor"] = device.processor
    return {"device_info": kept}


def _kept(task: EncodingTask | ServedTask) -> dict[str, Any]:
    models: Mapping[str, Source] = (
        task.models if isinstance(task, EncodingTask) else {task.model.model_name: task.model}
    )
    extras = {name: dict(model.model_extra or {}) for name, model in models.items()}
    return {"task": task.task, **(task.model_extra or {}), "models": extras}


def _device(device: Device) -> DeviceInfo:
    known = device.model_dump(include=set(DeviceInfo.model_fields))
    processor, backend = _processor(device.processor), _backend(device.device)
    return DeviceInfo(**{**known, "processor": processor, "device": backend})


def _processor(reported: str) -> str:
    """Return model and cores from lscpu's output; any other text unchanged."""
    if "Architecture:" not in reported:
        return reported
    found = parse_lscpu(_LSCPU_FIELDS.sub("\n", reported))
    if found is None or found.cpu is None:
        return reported
    return f"{found.cpu} ({found.cores})" if found.cores else found.cpu


def _backend(name: str) -> Backend:
    """Return a built-in backend; older reports have no others."""
    backend = Backend(name)
    if not backend.is_builtin:
        raise ValueError(f"{name!r} isn't a backend of NOBS")
    return backend


def _task(task: EncodingTask | ServedTask, kind: OriginKind, device: Backend) -> TaskReport:
    models = {model.model_name: model for model in _models(task, kind, device)}
    if isinstance(task, EncodingTask) and list(models) != list(task.models):
        raise ValueError(f"tasks: a model of {task.task} has another name than its key")
    size = task.dataset_size if isinstance(task, EncodingTask) else task.num_prompts
    return TaskReport(
        task=task.task,
        dataset_size=size,
        models=models,
        task_score=score_of(list(models.values()), size),
        published_score=task.task_score,
        workload=_workload(task, kind, list(models.values()), size),
    )


def _models(
    task: EncodingTask | ServedTask, kind: OriginKind, device: Backend
) -> Iterator[LegacyModelReport]:
    if isinstance(task, EncodingTask):
        yield from map(_encoding_model, task.models.values())
        return
    runs = tuple(map(_served_run, task.model.runs))
    yield LegacyModelReport(
        model_name=task.model.model_name,
        device=device,
        status=Status.OK,
        phases=None,
        warnings=(ROUNDED, SERVED[kind]),
        provider=task.backend,
        all_runs=runs,
        **figures_of(runs),
    )


def _encoding_model(model: EncodingModel) -> LegacyModelReport:
    runs = tuple(_known(LegacyRun, run) for run in model.runs)
    return LegacyModelReport(
        model_name=model.model_name,
        device=_backend(model.device.partition(":")[0]),
        status=Status.OK,
        phases=None,
        warnings=(ROUNDED,),
        embedding_dimension=model.embedding_dimension,
        dtype=Dtype(model.dtype.removeprefix("torch.")),
        max_seq_length=model.max_seq_length,
        batch_size=model.batch_size,
        all_runs=runs,
        **figures_of(runs),
    )


def _served_run(run: ServedRun) -> LegacyRun:
    requests = tuple(_known(LegacyRequest, request) for request in run.per_prompt_details)
    return _known(LegacyRun, run).model_copy(update={"requests": requests})


def _known[R: Record](kind: type[R], source: Source) -> R:
    """Return what `kind` has fields for, which have the names of those of `source`."""
    return kind(**source.model_dump(include=set(kind.model_fields)))


def _workload(
    task: EncodingTask | ServedTask, kind: OriginKind, models: list[LegacyModelReport], size: int
) -> WorkloadRef:
    """Return the work as far as it is known; the fingerprint covers that."""
    name = f"{task.task}/{kind}"
    named = {"id": task.dataset} if isinstance(task, ServedTask) else {}
    dataset = {**named, "rows": size}
    params = _common(models)
    policy = {"repeats": len(models[0].all_runs)}
    return WorkloadRef(
        name=name,
        division=Division.LEGACY,
        open_reasons=(f"imported from an older report ({kind}), which pinned nothing",),
        fingerprint=sha256_of({"name": name, "dataset": dataset, "params": params}),
        dataset=dataset,
        params=params,
        policy=policy,
    )


def _common(models: list[LegacyModelReport]) -> dict[str, Any]:
    """Return the parameters that all models share."""
    reported = [model.model_dump(mode="json") for model in models]
    names = ("dtype", "batch_size", "max_seq_length")
    first = reported[0]
    shared = [name for name in names if all(model[name] == first[name] for model in reported)]
    return {name: first[name] for name in shared if first[name] is not None}
