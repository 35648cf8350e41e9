import pytest

from nobs.backends.base import GpuRequest
from nobs.launch.container.devices import choose_requests, explain_refusal
from nobs.launch.engine.info import EngineInfo

GPU = GpuRequest(driver="nvidia", cdi_kind="nvidia.com/gpu")
KIND = frozenset({"nvidia.com/gpu"})


@pytest.mark.parametrize(
    ("engine", "drivers"),
    [
        (EngineInfo(), ["nvidia"]),
        (EngineInfo(runtimes=("nvidia", "runc")), ["nvidia"]),
        (EngineInfo(cdi_enabled=True), ["nvidia", "cdi"]),
        (EngineInfo(cdi_enabled=True, cdi_kinds=KIND), ["cdi", "nvidia"]),
        (
            EngineInfo(runtimes=("nvidia",), cdi_enabled=True, cdi_kinds=KIND),
            ["nvidia", "cdi"],
        ),
        (
            EngineInfo(runtimes=("nvidia",), cdi_enabled=True, cdi_kinds=KIND, rootless=True),
            ["cdi", "nvidia"],
        ),
        (EngineInfo(cdi_enabled=True, cdi_kinds=frozenset({"amd.com/gpu"})), ["nvidia", "cdi"]),
    ],
)
def test_the_surest_way_to_a_gpu_comes_first(engine: EngineInfo, drivers: list[str]) -> None:
    assert [request.driver for request in choose_requests(GPU, engine)] == drivers


def test_requests_name_driver_and_devices() -> None:
    by_driver, by_cdi = choose_requests(GPU, EngineInfo(cdi_enabled=True))

    assert (by_driver.capabilities, by_driver.device_ids) == (("gpu",), ("all",))
    assert (by_cdi.capabilities, by_cdi.device_ids) == ((), ("nvidia.com/gpu=all",))


def test_a_long_refusal_is_cut() -> None:
    assert len(explain_refusal("x" * 10_000, "nobs:cpu").message) < 800
