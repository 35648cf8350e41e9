"""The engines without a GPU hand over one that is none: what the passthrough tests stand on."""

import docker
import pytest
from docker.types import DeviceRequest

from tests.container.launching import run_to_end

pytestmark = pytest.mark.stand_ins


def run(client: docker.DockerClient, image: str, script: str, asked: DeviceRequest) -> str:
    return run_to_end(
        client, image, ["-c", script], entrypoint="sh", device_requests=[asked]
    ).strip()


def test_the_first_engine_starts_what_asks_for_an_nvidia_gpu(
    client: docker.DockerClient, cuda_image: str
) -> None:
    asked = DeviceRequest(driver="nvidia", count=-1, capabilities=[["gpu"]])
    seen = run(client, cuda_image, "echo $NVIDIA_VISIBLE_DEVICES", asked)
    assert seen == "all"


@pytest.mark.parametrize("device", ["all", "0"])
def test_the_second_engine_starts_what_asks_by_cdi(
    second_client: docker.DockerClient, cuda_image: str, device: str
) -> None:
    asked = DeviceRequest(driver="cdi", device_ids=[f"nvidia.com/gpu={device}"])
    seen = run(
        second_client,
        cuda_image,
        "test -c /dev/nvidia0 && echo $NOBS_TEST_CDI",
        asked,
    )
    assert seen == "1"


def test_torch_finds_no_gpu_behind_a_stand_in(
    second_client: docker.DockerClient, cuda_image: str
) -> None:
    asked = DeviceRequest(driver="cdi", device_ids=["nvidia.com/gpu=all"])
    script = "python -c 'import torch; print(torch.cuda.is_available())' 2>/dev/null"
    assert run(second_client, cuda_image, script, asked) == "False"
