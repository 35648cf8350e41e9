import pytest

from nobs.backends.base import GpuRequest
from nobs.errors import BackendMissing, EngineError, NobsError, StorageError
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


@pytest.mark.parametrize(
    ("text", "kind", "remedy"),
    [
        (
            'could not select device driver "nvidia" with capabilities: [[gpu]]',
            BackendMissing,
            "NVIDIA Container Toolkit",
        ),
        (
            'could not select device driver "cdi" with capabilities: []',
            BackendMissing,
            "NVIDIA Container Toolkit",
        ),
        ("Unknown runtime specified nvidia", BackendMissing, "NVIDIA Container Toolkit"),
        (
            "CDI device injection failed: unresolvable CDI devices nvidia.com/gpu=all",
            BackendMissing,
            "nvidia-ctk cdi generate",
        ),
        (
            "nvidia-container-cli: initialization error: nvml error: driver not loaded: unknown",
            BackendMissing,
            "nvidia-smi",
        ),
        (
            "nvidia-container-cli: requirement error: unsatisfied condition: cuda>=12.6",
            BackendMissing,
            "Update the driver",
        ),
        (
            'error gathering device information while adding custom device "/dev/kfd": no such',
            BackendMissing,
            "amdgpu",
        ),
        ("No such image: nobs:cpu-123", EngineError, "nobs build"),
        (
            'exec: "python": executable file not found in $PATH: unknown',
            EngineError,
            "Build it anew",
        ),
        ('exec: "docker-init": executable file not found in $PATH', EngineError, "tini"),
        ("exec /opt/venv/bin/python: exec format error", EngineError, "Build it anew"),
        ("invalid mount config: bind source path does not exist: /x", EngineError, "File sharing"),
        ("Mounts denied: The path /x is not shared from the host", EngineError, "File sharing"),
        ("mkdir /var/lib/docker/overlay2/x: no space left on device", StorageError, "prune"),
        (
            'Conflict. The container name "/nobs-1" is already in use by container "ab"',
            EngineError,
            "docker rm -f",
        ),
        ("something\n  unheard of.", EngineError, "journalctl"),
    ],
)
def test_each_refusal_has_its_class_and_remedy(
    text: str, kind: type[NobsError], remedy: str
) -> None:
    error = explain_refusal(text, "nobs:cpu")

    assert type(error) is kind
    assert remedy in error.remedy
    assert "nobs:cpu" in error.message
    assert " ".join(text.split()).rstrip(".") in error.message


def test_a_long_refusal_is_cut() -> None:
    assert len(explain_refusal("x" * 10_000, "nobs:cpu").message) < 800
