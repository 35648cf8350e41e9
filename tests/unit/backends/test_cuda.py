from dataclasses import replace

import pytest

from nobs.backends.cuda import TARGET
from nobs.errors import BackendMissing
from nobs.schema.enums import Backend
from nobs.system.gpus import Accelerators, NvidiaGpu, Obstacle
from tests.fakes.gpus import nvidia_gpu


def machine(driver: str | None, capability: tuple[int, int] | None) -> Accelerators:
    return Accelerators(nvidia=(nvidia_gpu(driver=driver, capability=capability),))


@pytest.mark.parametrize(
    ("driver", "capability", "index"),
    [
        ("580.65.06", (9, 0), "default"),
        ("595.10", (12, 0), "default"),
        ("579.99", (9, 0), "cu126"),
        ("525.60.13", (8, 0), "cu126"),
        ("580.65.06", (7, 0), "cu126"),
        ("580.65.06", (7, 5), "default"),
        (None, (9, 0), "default"),
        ("580.65.06", None, "default"),
        ("garbled", (9, 0), "default"),
    ],
)
def test_driver_and_gpu_choose_the_cuda_family(
    driver: str | None, capability: tuple[int, int] | None, index: str
) -> None:
    assert TARGET.torch_index(machine(driver, capability)) == index


def test_without_a_gpu_the_newest_family_is_built() -> None:
    assert TARGET.torch_index(Accelerators()) == "default"


def test_a_driver_below_every_family_is_refused_with_both_versions() -> None:
    with pytest.raises(BackendMissing) as caught:
        TARGET.check_host(machine("470.82.01", (8, 0)))

    assert "470.82.01" in caught.value.message
    assert "525" in caught.value.message
    assert "Update the driver" in caught.value.remedy


def test_a_gpu_older_than_every_build_is_refused() -> None:
    with pytest.raises(BackendMissing, match=r"compute capability 3\.5"):
        TARGET.check_host(machine("580.65.06", (3, 5)))


@pytest.mark.parametrize(
    ("archs", "capability"),
    [
        ("sm_80 sm_90", (9, 0)),
        ("sm_80", (8, 6)),
        ("sm_75 compute_90", (12, 0)),
        ("sm_120", (12, 1)),
        ("sm_90a", (9, 0)),
        ("", (9, 0)),
        ("sm_80", None),
    ],
)
def test_an_image_that_serves_the_gpu_is_accepted(
    archs: str, capability: tuple[int, int] | None
) -> None:
    TARGET.check_image(machine("580.65.06", capability), archs)


@pytest.mark.parametrize(
    ("archs", "capability"),
    [
        ("sm_80 sm_90", (7, 5)),
        ("sm_86", (8, 0)),
        ("sm_80 sm_90", (10, 0)),
        ("sm_90a", (9, 2)),
        ("compute_120", (9, 0)),
        ("gfx942", (9, 0)),
    ],
)
def test_an_image_without_code_for_the_gpu_is_refused(
    archs: str, capability: tuple[int, int]
) -> None:
    with pytest.raises(BackendMissing) as caught:
        TARGET.check_image(machine("580.65.06", capability), archs)

    assert archs in caught.value.message
    assert "--torch-index" in caught.value.remedy


T400 = nvidia_gpu(0, driver="580.65.06", capability=(7, 5), memory_gb=4.0)
V100 = nvidia_gpu(1, driver="580.65.06", capability=(7, 0), memory_gb=32.0)


@pytest.mark.parametrize(
    ("variables", "index"),
    [
        ({}, "cu126"),
        ({"CUDA_DEVICE_ORDER": "PCI_BUS_ID"}, "default"),
        ({"CUDA_VISIBLE_DEVICES": "1"}, "default"),
    ],
)
def test_the_gpu_that_is_used_chooses_the_family_and_must_be_served(
    variables: dict[str, str], index: str
) -> None:
    found = Accelerators(nvidia=(T400, V100), variables=variables)
    cuda13 = "sm_75 sm_80 sm_90 compute_120"

    assert TARGET.torch_index(found) == index
    if index == "default":
        TARGET.check_image(found, cuda13)
    else:
        with pytest.raises(BackendMissing, match="NVIDIA 1"):
            TARGET.check_image(found, cuda13)


def test_hidden_gpus_are_refused_with_the_variable() -> None:
    found = Accelerators(nvidia=(V100,), variables={"CUDA_VISIBLE_DEVICES": "-1"})

    with pytest.raises(BackendMissing, match="CUDA_VISIBLE_DEVICES='-1' hides all of them"):
        TARGET.check_host(found)


def test_an_obstacle_is_the_reason() -> None:
    obstacle = Obstacle(backend=Backend.CUDA, reason="It hangs.", remedy="Reboot")

    with pytest.raises(BackendMissing) as caught:
        TARGET.check_host(Accelerators(obstacles=(obstacle,)))

    assert str(caught.value) == (
        "The backend cuda can't be used: It hangs. Reboot; or choose --backend cpu."
    )


TWINS = tuple(replace(nvidia_gpu(n), name="NVIDIA L4", uuid=f"GPU-{n}") for n in (0, 1))
PAIR = (replace(T400, uuid="GPU-0"), replace(V100, uuid="GPU-1"))


@pytest.mark.parametrize(
    ("gpus", "variables", "inside"),
    [
        (TWINS, {"CUDA_VISIBLE_DEVICES": "1"}, {"CUDA_VISIBLE_DEVICES": "GPU-1"}),
        (TWINS, {"CUDA_VISIBLE_DEVICES": "1,0"}, {"CUDA_VISIBLE_DEVICES": "GPU-1,GPU-0"}),
        (TWINS, {}, {}),
        (PAIR, {"CUDA_VISIBLE_DEVICES": "1"}, {}),
        (PAIR, {"CUDA_VISIBLE_DEVICES": "1", "CUDA_DEVICE_ORDER": "PCI_BUS_ID"},
         {"CUDA_VISIBLE_DEVICES": "GPU-1"}),
        ((T400, T400), {"CUDA_VISIBLE_DEVICES": "0"}, {}),
    ],
)  # fmt: skip
def test_chosen_gpus_are_named_by_uuid_in_a_container(
    gpus: tuple[NvidiaGpu, ...], variables: dict[str, str], inside: dict[str, str]
) -> None:
    needs = TARGET.container_needs(Accelerators(nvidia=gpus, variables=variables))

    assert needs.environment == inside


def test_a_container_asks_for_the_driver_by_name() -> None:
    gpu = TARGET.container_needs(machine("580.65.06", (9, 0))).gpu

    assert gpu is not None
    assert (gpu.driver, gpu.cdi_kind, gpu.devices) == ("nvidia", "nvidia.com/gpu", ("all",))
