import pytest

from nobs.backends.cuda import TARGET
from nobs.errors import BackendMissing
from nobs.system.gpus import Accelerators
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


def test_a_container_asks_for_the_driver_by_name() -> None:
    gpu = TARGET.container_needs(machine("580.65.06", (9, 0))).gpu

    assert gpu is not None
    assert (gpu.driver, gpu.cdi_kind, gpu.devices) == ("nvidia", "nvidia.com/gpu", ("all",))
