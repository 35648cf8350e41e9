"""A whole plan of a CUDA container run, as a value."""

from dataclasses import replace
from pathlib import Path

from nobs.backends.base import ContainerNeeds, GpuRequest
from nobs.catalog import load_catalog
from nobs.launch.container.plan import SecretFile, plan_container
from nobs.launch.engine.info import EngineInfo
from nobs.launch.image.plan import ImagePlan
from nobs.launch.planning.plan import Plan, make_plan
from nobs.launch.planning.request import RunRequest
from nobs.schema.enums import Backend, Execution
from tests.fakes.facts import make_facts


def make_container_plan() -> Plan:
    request = RunRequest(
        tasks=("embeddings",), execution=Execution.NATIVE, results=Path("/results")
    )
    native = make_plan(request, load_catalog(), make_facts())
    container = plan_container(
        run_id=native.spec.run_id,
        run_dir=native.run_path,
        image="nobs:cuda-0123456789ab",
        engine=EngineInfo(runtimes=("nvidia", "runc")),
        needs=ContainerNeeds(gpu=GpuRequest(driver="nvidia", cdi_kind="nvidia.com/gpu")),
        cache_dir=Path("/home/someone/.cache/huggingface"),
        secrets=(SecretFile(variable="HF_TOKEN_PATH", source=Path("/tmp/nobs-x/hf_token")),),
        environment={"HF_ENDPOINT": "http://hub.example"},
        network="bridge",
        fetches=True,
        user=(1000, 1000),
    )
    image = ImagePlan(
        backend="cuda", tag="nobs:cuda-0123456789ab", name="nobs:cuda",
        dockerfile="docker/cuda.Dockerfile", build_args={"TORCH_INDEX": "default"}, files={},
    )  # fmt: skip
    spec = native.spec.model_copy(
        update={"backend": Backend.CUDA, "execution": Execution.CONTAINER}
    )
    return replace(native, spec=spec, container=container, image=image)
