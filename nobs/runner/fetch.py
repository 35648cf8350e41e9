"""Downloads for every step of a run, so that measuring needs no network."""

from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from nobs.data.found import Inputs, Model
from nobs.data.hub_cache import find_file, find_model
from nobs.log import get_logger
from nobs.runner.failures import describe
from nobs.schema.enums import Status
from nobs.schema.pins import DatasetPin, ModelPin, Source
from nobs.schema.result import StepResult
from nobs.settings import hub_cache, hub_offline
from nobs.storage.rundir import RunDir
from nobs.tasks import TASKS
from nobs.tasks.base import TaskDefinition, import_part
from nobs.tasks.definitions import is_complete_model

log = get_logger()


def fetch_all(run_dir: RunDir, options: Collection[str] = ()) -> int:
    """Fetch what each unfinished step needs; a failed fetch is the step's result.

    `--all` also checks what isn't from the hub, and stops at the first failure; `--force` ignores
    the cache.
    """
    spec = run_dir.read_spec()
    is_wanted = {source: source is Source.HUB or "--all" in options for source in Source}
    # A server keeps its own weights, and random ones are made.
    is_wanted[Source.SERVER] = is_wanted[Source.RANDOM] = False
    force = "--force" in options
    fetched: set[DatasetPin | ModelPin] = set()
    for step in spec.steps:
        if run_dir.find_result(step.id) is not None:
            continue
        started, workload = datetime.now(UTC), spec.workload_of(step)
        try:
            task = TASKS.load(workload.task)
            for pin in (workload.dataset, step.model):
                if is_wanted[pin.source] and pin not in fetched:
                    log.info("fetch.pin", id=pin.id, revision=pin.revision, source=pin.source)
                    log.info("fetch.done", id=pin.id, **_fetch(task, pin, force=force))
                    fetched.add(pin)
        except Exception as error:  # noqa: BLE001 - as in the step's outermost frame
            failure = describe(error)
            log.warning("step.error", step=step.id, failure_class=failure.failure_class,
                        message=failure.message)  # fmt: skip
            result = StepResult(
                step=step.id, task=workload.task, model=step.model.id, status=Status.FAILED,
                started=started, finished=datetime.now(UTC), failure=failure,
            )  # fmt: skip
            run_dir.write(run_dir.result_file(step.id), result)
            if "--all" in options:
                break
    return 0


def _fetch(task: TaskDefinition, pin: DatasetPin | ModelPin, *, force: bool) -> dict[str, Any]:
    """Fetch and check one pin; return its files and whether a pinned digest was verified."""
    cache, offline = hub_cache(), hub_offline()
    found: dict[str, Any]
    if isinstance(pin, ModelPin):
        before = find_model(pin, cache, is_complete_model)
        model: Model = import_part(task, task.weights)(pin, offline=offline, force=force)
        was_here, files = before == model.path, model.weights.files
        size_bytes = sum((model.path / name).stat().st_size for name in files)
        found = {"kind": "weights", "revision": model.weights.revision, "size_bytes": size_bytes,
                 "sha256": files, "verified": model.weights.verified}  # fmt: skip
    else:
        was_here = find_file(pin, cache) is not None
        inputs: Inputs = import_part(task, task.inputs)(pin, offline=offline, force=force)
        evidence = inputs.evidence
        file = Path(pin.id) if pin.source is Source.PATH else find_file(pin, cache)
        size = file.stat().st_size if file else pin.file_bytes
        digest = {Path(pin.file or pin.id).name: evidence.file_sha256}
        rows = {f"{evidence.rows} rows": evidence.rows_sha256}
        # Of a data set that isn't pinned yet, the loader may say which commit it read.
        revision = pin.revision or getattr(evidence, "revision", None)
        found = {"kind": "inputs", "revision": revision, "size_bytes": size,
                 "sha256": digest if evidence.file_sha256 else rows,
                 "verified": evidence.file_verified or evidence.rows_verified}  # fmt: skip
    is_new = pin.source is Source.HUB and (force or not was_here)
    return {"state": "fetched" if is_new else "cached", **found}
