"""From a request, the catalogue and the facts to one complete plan; pure."""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

from nobs import __version__
from nobs.backends import BACKENDS
from nobs.backends.base import BackendTarget
from nobs.catalog import Catalog
from nobs.errors import RequirementError, UsageError
from nobs.launch.container_plan import ContainerPlan, SecretFile, plan_container
from nobs.launch.facts import Facts
from nobs.launch.image_plan import ImagePlan, plan_image
from nobs.launch.request import RunRequest
from nobs.launch.workloads import choose_workload, warn_of_dtype
from nobs.schema.base import Backend, Execution
from nobs.schema.pins import Source, Workload
from nobs.schema.rundir import safe_name
from nobs.schema.spec import ImageRef, RunSpec, StepSpec
from nobs.system.gpus import Accelerators

HUB_VARIABLES = ("HF_ENDPOINT", "HF_HUB_OFFLINE", "HF_HUB_ENABLE_HF_TRANSFER", "HTTPS_PROXY",
                 "HTTP_PROXY", "NO_PROXY")  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Everything that `--dry-run` prints and the launcher then does."""

    spec: RunSpec
    results: Path
    accelerators: Accelerators = field(default_factory=Accelerators)
    image: ImagePlan | None = None
    container: ContainerPlan | None = None
    notes: tuple[str, ...] = ()

    @property
    def run_path(self) -> Path:
        """The run directory."""
        return self.results / "runs" / self.spec.run_id


def make_plan(
    request: RunRequest, catalog: Catalog, facts: Facts, secrets: tuple[SecretFile, ...] = ()
) -> Plan:
    """Resolve every `auto`; raises the error that running would meet, with its remedy."""
    backend = request.backend or facts.detected
    target = BACKENDS.load(backend)
    workloads = tuple(choose_workload(task, request, catalog) for task in request.tasks)
    execution, notes = choose_execution(request, target, facts)
    target.check_host(facts.accelerators)
    contained = execution is Execution.CONTAINER and not facts.in_container
    image = plan_target_image(request, target, facts) if contained else None
    offline = facts.hub_offline or not any(_needs_hub(workload) for workload in workloads)
    spec = RunSpec(
        run_id=facts.run_id,
        created=facts.now,
        nobs_version=__version__,
        nobs_commit=facts.commit,
        backend=backend,
        execution=execution,
        profile=request.profile,
        workloads=workloads,
        steps=_make_steps(workloads, request.timeout_s),
        timeout_s=request.timeout_s,
        device_info=facts.device_info,
        image=ImageRef(tag=image.tag) if image else None,
        engine=facts.engine.ref if facts.engine and contained else None,
        offline=offline,
    )
    plan = Plan(
        spec=spec,
        results=request.results,
        accelerators=facts.accelerators,
        image=image,
        notes=(*notes, *_dtype_notes(workloads, backend)),
    )
    return replace(plan, container=plan_run_container(spec, plan.run_path, target, facts, secrets))


def choose_execution(
    request: RunRequest, target: BackendTarget, facts: Facts
) -> tuple[Execution, list[str]]:
    """Return where to run; `auto` prefers a container where the backend and an engine allow it."""
    if facts.in_container:
        return Execution.CONTAINER, []
    refusal = target.container_refusal
    match request.execution:
        case Execution.NATIVE:
            return Execution.NATIVE, _require_worker(facts)
        case Execution.CONTAINER:
            if refusal:
                raise UsageError(
                    f"The backend {target.name} can't run in a container: {refusal}.",
                    "Use --execution native.",
                )
            facts.require_engine()
            return Execution.CONTAINER, []
        case None if refusal:
            return Execution.NATIVE, [f"native: {refusal}", *_require_worker(facts)]
        case None if facts.engine is None:
            if not facts.worker_installed and facts.engine_error:
                raise facts.engine_error
            why = facts.engine_error.message if facts.engine_error else "no engine"
            return Execution.NATIVE, [f"native, since no container engine answers: {why}"]
    return Execution.CONTAINER, []


def _require_worker(facts: Facts) -> list[str]:
    if not facts.worker_installed:
        raise RequirementError(
            "A native run needs torch and sentence-transformers beside the launcher.",
            'Install them with `pip install "nobs[bench]"` (`make setup` in a checkout), '
            "or use --execution container.",
        )
    return []


def plan_target_image(request: RunRequest, target: BackendTarget, facts: Facts) -> ImagePlan:
    """Return the image of `target` that fits this machine's driver and the request."""
    return plan_image(
        target.name,
        version=__version__,
        commit=facts.commit,
        torch_index=request.torch_index or target.torch_index(facts.accelerators),
        base_image=request.base_image,
        network=request.build_network,
    )


def plan_run_container(
    spec: RunSpec,
    run_path: Path,
    target: BackendTarget,
    facts: Facts,
    secrets: tuple[SecretFile, ...],
) -> ContainerPlan | None:
    """Return the container of a run; the network and the token only where the hub is needed."""
    if spec.image is None or facts.engine is None:
        return None
    packaged = not any(_needs_hub(workload) for workload in spec.workloads)
    return plan_container(
        run_id=spec.run_id,
        run_dir=run_path,
        image=spec.image.tag,
        engine=facts.engine.info,
        needs=target.container_needs(facts.accelerators),
        cache_dir=None if packaged else facts.hf_home,
        secrets=() if spec.offline else secrets,
        environment={"HF_HUB_OFFLINE": "1"} if spec.offline else {},
        passed=(*target.passed_environment, *(() if spec.offline else HUB_VARIABLES)),
        network="none" if spec.offline else "bridge",
        deadline=facts.now + timedelta(seconds=spec.timeout_s),
    )


def _make_steps(workloads: tuple[Workload, ...], timeout_s: float) -> tuple[StepSpec, ...]:
    return tuple(
        StepSpec(
            id=f"{number:02d}-{workload.task}-{safe_name(model.id.rpartition('/')[2])}",
            workload=index,
            model=model,
            timeout_s=timeout_s,
        )
        for number, (index, workload, model) in enumerate(
            (
                (index, workload, model)
                for index, workload in enumerate(workloads)
                for model in workload.models
            ),
            start=1,
        )
    )


def _needs_hub(workload: Workload) -> bool:
    sources = (workload.dataset.source, *(model.source for model in workload.models))
    return Source.HUB in sources


def _dtype_notes(workloads: tuple[Workload, ...], backend: Backend) -> list[str]:
    found = {warn_of_dtype(workload.params.dtype, backend) for workload in workloads}
    return sorted(note for note in found if note)
