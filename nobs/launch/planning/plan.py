"""From a request, the catalogue and the facts to one complete plan; pure."""

import platform
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from nobs import __version__
from nobs.backends import BACKENDS
from nobs.backends.base import BackendTarget, ContainerNeeds
from nobs.catalog import Catalog
from nobs.data.hub_cache import own_paths
from nobs.launch.container.plan import (
    CERTIFICATES_VARIABLE,
    FETCH_COMMAND,
    KEY_VARIABLE,
    TOKEN_VARIABLE,
    ContainerPlan,
    plan_container,
)
from nobs.launch.engine.route import Route, choose_route
from nobs.launch.image.plan import ImagePlan, plan_image, refer
from nobs.launch.planning.connection import is_embedded, resolve_connection
from nobs.launch.planning.execution import choose_execution, refuse_elsewhere
from nobs.launch.planning.facts import Facts
from nobs.launch.planning.options import (
    check_image_options,
    check_options,
    describe_options,
    options_for,
)
from nobs.launch.planning.pace import check_length
from nobs.launch.planning.request import RunRequest
from nobs.launch.planning.server import (
    choose_tasks,
    describe_server,
    is_served,
    refuse_server_devices,
    request_server,
    served_model,
)
from nobs.launch.planning.surroundings import proxy_route, surroundings_notes, trusted
from nobs.launch.planning.workloads import choose_workload
from nobs.schema.enums import Backend, Execution
from nobs.schema.pins import Source, Workload
from nobs.schema.server import Connection
from nobs.schema.spec import RunSpec, StepSpec
from nobs.storage.rundir import safe_name
from nobs.system.accelerators import explain_choice
from nobs.system.gpus import Accelerators
from nobs.system.visible import VARIABLES
from nobs.tasks import TASKS
from nobs.tasks.parameters import typed

type Contain = Callable[..., ContainerPlan]
"""`plan_container` with what both containers of a run share."""

HUB_VARIABLES = ("HF_ENDPOINT", "HF_HUB_OFFLINE", "HF_HUB_ENABLE_HF_TRANSFER")


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Everything that `--dry-run` prints and the launcher then does."""

    spec: RunSpec
    results: Path
    accelerators: Accelerators = field(default_factory=Accelerators)
    image: ImagePlan | None = None
    fetch: ContainerPlan | None = None
    """Downloads before the run, if anything must be fetched; None where nothing can be."""
    container: ContainerPlan | None = None
    connection: Connection | None = None
    """How the launcher reaches the server; None if it is started for the run."""
    route: Route | None = None
    """How the worker reaches the server from its container; None for a worker on the host."""
    notes: tuple[str, ...] = ()

    @property
    def is_pulled(self) -> bool:
        """Whether the image must be found in the engine or pulled by its digest."""
        return self.image is None and self.spec.image is not None and self.spec.image.id is None

    @property
    def run_path(self) -> Path:
        """The run directory."""
        return self.results / "runs" / self.spec.run_id

    def to_dict(self) -> dict[str, Any]:
        """Return the plan as plain values, as `--dry-run --json` prints it."""
        return {
            "run_directory": str(self.run_path),
            "spec": self.spec.model_dump(mode="json", by_alias=True),
            "image": self._describe_image(),
            "fetch": self.fetch and self.fetch.to_dict(),
            "container": self.container and self.container.to_dict(),
            "server": self.spec.server_request
            and describe_server(self.spec.server_request, self.connection),
            "notes": list(self.notes),
        }

    def _describe_image(self) -> dict[str, Any] | None:
        if self.is_pulled and self.spec.image:
            return {"tag": self.spec.image.tag, "is_pulled": True}
        return self.image.to_dict() if self.image else None


def make_plan(request: RunRequest, catalog: Catalog, facts: Facts) -> Plan:
    """Resolve every `auto`; raises errors that the run would have."""
    backend = request.backend or facts.detected
    target = BACKENDS.load(backend)
    check_options(request, catalog)
    pairs, left_out = _choose_workloads(request, catalog, facts)
    workloads = tuple(chosen for _, chosen in pairs)
    check_length(workloads, request.timeout_s)
    tasks = tuple(workload.task for workload in workloads)
    execution, notes = choose_execution(request, target, facts, tasks)
    target.check_host(facts.accelerators)
    refuse_server_devices(facts.device, [pinned for pinned, _ in pairs])
    contained = execution is Execution.CONTAINER and not facts.in_container
    served = next((pair for pair in pairs if is_served(pair[0])), None)
    if not contained:
        check_image_options(request)
    image = None
    if contained and request.image is None:
        image = plan_target_image(request, target, facts)
    # A container measures without a network; another one fetches first.
    needs_hub = any(_needs_hub(workload) for workload in workloads)
    offline = contained or facts.hub_offline or not needs_hub
    spec = RunSpec(
        run_id=facts.run_id,
        created=facts.now,
        nobs_version=__version__,
        nobs_commit=facts.commit,
        node=request.node,
        backend=backend,
        execution=execution,
        profile=request.profile,
        workloads=workloads,
        steps=_make_steps(workloads, request.timeout_s),
        timeout_s=request.timeout_s,
        device_info=facts.device_info,
        device=facts.device,
        image=refer(image, request.image) if contained else None,
        engine=facts.engine.ref if facts.engine and contained else None,
        server_request=(
            request_server(request, facts, *served, catalog.served_names) if served else None
        ),
        offline=offline,
    )
    plan = plan_spec(spec, request.results, facts)
    return replace(
        plan,
        image=image,
        notes=(
            *explain_choice(facts.accelerators, backend, is_auto=request.backend is None),
            *notes,
            *left_out,
            *describe_options(request, tasks),
            *_notes_of(workloads, backend),
            *(surroundings_notes(facts) if plan.fetch or not offline else ()),
        ),
    )


def plan_spec(spec: RunSpec, results: Path, facts: Facts) -> Plan:
    """Return how this machine executes `spec`: the route to its server, and its containers.

    EngineError for an engine on another machine.
    """
    request, engine = spec.server_request, facts.engine
    connection = None
    if request and not is_embedded(request):
        connection = resolve_connection(request, in_container=facts.in_container)
    plan = Plan(spec=spec, results=results, accelerators=facts.accelerators, connection=connection)
    if spec.image is None or engine is None:
        return plan
    refuse_elsewhere(engine)
    # A server that is started for the run listens on loopback.
    host = connection.host if connection else "127.0.0.1"
    system = platform.system()
    route = choose_route(host, engine.info, plan.run_path, platform=system) if request else None
    needs_hub = any(_needs_hub(workload) for workload in spec.workloads)
    contain = partial(
        plan_container, run_id=spec.run_id, run_dir=plan.run_path, image=spec.image.tag,
        engine=engine.info, files=own_paths(spec.workloads),
        cache_dir=facts.hf_home if needs_hub else None,
        deadline=facts.now + timedelta(seconds=spec.timeout_s),
    )  # fmt: skip
    fetches = needs_hub and not facts.hub_offline
    return replace(
        plan,
        route=route,
        fetch=_plan_fetching(contain, facts) if fetches else None,
        container=_plan_measuring(contain, spec, route, facts),
    )


def _choose_workloads(
    request: RunRequest, catalog: Catalog, facts: Facts
) -> tuple[list[tuple[Workload, Workload]], list[str]]:
    """Return each pinned workload with the requested one, and why tasks are left out."""
    named = request.tasks or catalog.tasks(request.profile)
    pinned = {task: typed(catalog.workload(task, request.profile)) for task in named}
    tasks, left_out = choose_tasks(request, pinned, facts)
    pairs = []
    for task in tasks:
        work, own = pinned[task], options_for(task, request, tasks)
        served = served_model(own, facts, work) if is_served(work) else None
        pairs.append((work, choose_workload(work, own, catalog, served)))
    return pairs, left_out


def plan_target_image(request: RunRequest, target: BackendTarget, facts: Facts) -> ImagePlan:
    """Return the image of `target` that fits this machine's driver and the request."""
    route = proxy_route(facts)
    return plan_image(
        target.name,
        version=__version__,
        commit=facts.commit,
        source=facts.source,
        torch_index=request.torch_index or target.torch_index(facts.accelerators),
        base_image=request.base_image,
        network=request.build_network or route.network,
        proxies=route.environment,
        certificates=facts.certificates,
    )


def _plan_fetching(contain: Contain, facts: Facts) -> ContainerPlan:
    """Return the container that downloads, with a network and the token but no device."""
    route, shared = proxy_route(facts), (TOKEN_VARIABLE, CERTIFICATES_VARIABLE)
    secrets = tuple(secret for secret in facts.secrets if secret.variable in shared)
    return contain(
        needs=ContainerNeeds(),
        secrets=secrets,
        environment={**route.environment, **trusted(secrets)},
        passed=HUB_VARIABLES,
        network=route.network or "bridge",
        fetches=True,
        command=FETCH_COMMAND,
    )


def _plan_measuring(
    contain: Contain, spec: RunSpec, route: Route | None, facts: Facts
) -> ContainerPlan:
    """Return the container that measures, with access to the server only."""
    target = BACKENDS.load(spec.backend)
    return contain(
        needs=target.container_needs(facts.accelerators),
        secrets=tuple(s for s in facts.secrets if route and s.variable == KEY_VARIABLE),
        socket_dir=route.socket_dir if route else None,
        environment={"HF_HUB_OFFLINE": "1", **(spec.device.variables if spec.device else {})},
        passed=set(target.passed_environment) - set(VARIABLES if spec.device else ()),
        network=route.network if route else "none",
    )


def _make_steps(workloads: tuple[Workload, ...], timeout_s: float) -> tuple[StepSpec, ...]:
    """Return the steps, those that need the server first, so that it can be stopped early."""
    order = sorted(enumerate(workloads), key=lambda each: not is_served(each[1]))
    work = [(index, workload, model) for index, workload in order for model in workload.models]
    return tuple(
        StepSpec(
            id=f"{number:02d}-{workload.task}-{safe_name(model.id.rpartition('/')[2])}",
            workload=index,
            model=model,
            timeout_s=timeout_s,
        )
        for number, (index, workload, model) in enumerate(work, start=1)
    )


def _needs_hub(workload: Workload) -> bool:
    sources = (workload.dataset.source, *(model.source for model in workload.models))
    return Source.HUB in sources


def _notes_of(workloads: tuple[Workload, ...], backend: Backend) -> list[str]:
    notes = (TASKS.load(work.task).find_notes(work.params, backend) for work in workloads)
    return list(dict.fromkeys(chain.from_iterable(notes)))
