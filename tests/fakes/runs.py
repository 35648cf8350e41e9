"""Orders for supervisors under test."""

from datetime import UTC, datetime
from pathlib import Path

from nobs.schema.device import DeviceInfo
from nobs.schema.enums import Backend, Execution
from nobs.schema.pins import DatasetPin, ModelPin, Params, RepeatPolicy, Source, Workload
from nobs.schema.server import ServerRef
from nobs.schema.spec import RunSpec, StepSpec
from nobs.storage.rundir import RunDir
from nobs.storage.store import make_run_dir, prepare_results
from tests.fakes.run_requests import pinned

HEADER = b'{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
ONE_WEIGHT = len(HEADER).to_bytes(8, "little") + HEADER + bytes(4)
DEVICE = DeviceInfo(
    platform="Linux", device=Backend.CPU, ram_gb=1.0, processor="A processor (2)",
    gpu_name=None, gpu_memory_gb=None, host="a host",
)  # fmt: skip


def order(
    results: Path,
    workload: Workload,
    *,
    backend: Backend = Backend.CPU,
    step_timeouts: dict[str, float] | None = None,
    timeout_s: float = 300.0,
    run_id: str = "a-run",
    server: ServerRef | None = None,
) -> RunDir:
    """Write the order of a run with one step for each model, named like the model."""
    prepare_results(results)
    run_dir = make_run_dir(results, run_id)
    timeouts = step_timeouts or {}
    spec = RunSpec(
        run_id=run_id,
        created=datetime.now(UTC),
        nobs_version="0",
        backend=backend,
        execution=Execution.NATIVE,
        profile="quick",
        workloads=(workload,),
        steps=tuple(
            StepSpec(id=name, workload=0, model=model, timeout_s=timeouts.get(name, timeout_s))
            for name, model in ((Path(model.id).name, model) for model in workload.models)
        ),
        timeout_s=timeout_s,
        device_info=DEVICE.model_copy(update={"device": backend}),
        server=server,
        offline=True,
    )
    run_dir.write(run_dir.spec_file, spec)
    return run_dir


def faulty_workload(tmp_path: Path, *faults: str) -> Workload:
    """Return a workload of the third-party task whose models have these faults."""
    texts = tmp_path / "texts.txt"
    texts.write_text("one\ntwo\n")
    models = [tmp_path / "models" / fault for fault in faults]
    for model in models:
        model.mkdir(parents=True, exist_ok=True)
        for name in ("config.json", "tokenizer.json"):
            (model / name).write_text("{}")
        (model / "model.safetensors").write_bytes(ONE_WEIGHT)
    return Workload(
        name="faulty",
        version=1,
        task="faulty",
        dataset=DatasetPin(id=str(texts), source=Source.PATH, rows=2),
        models=tuple(ModelPin(id=str(model), source=Source.PATH) for model in models),
        params=Params.model_validate({"kind": "faulty", "batch_size": 16}),
        policy=RepeatPolicy(repeats=2),
    )


def quick_workload() -> Workload:
    """Return the quick profile's workload; its step is named after the model alone."""
    return pinned("embeddings", "quick")
