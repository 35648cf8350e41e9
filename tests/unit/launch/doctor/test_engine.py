"""What the doctor finds of engines, as values; no engine needed."""

from pathlib import Path

import pytest

from nobs.backends import BACKENDS
from nobs.errors import EngineError
from nobs.launch.doctor.check import State
from nobs.launch.doctor.engine import check_buildx, check_gpu_runtime, explain_no_engine
from nobs.launch.engine.info import EngineInfo
from nobs.system.gpus import Accelerators
from tests.fakes.gpus import nvidia_gpu

NOTHING = Accelerators()
NVIDIA = Accelerators(nvidia=(nvidia_gpu(driver="580"),))
CUDA, ROCM, MPS, CPU = (BACKENDS.load(name) for name in ("cuda", "rocm", "mps", "cpu"))


@pytest.mark.parametrize(
    ("info", "state", "found"),
    [
        (EngineInfo(runtimes=("nvidia", "runc")), State.OK, "runtime nvidia"),
        (EngineInfo(cdi_kinds=frozenset({"nvidia.com/gpu"})), State.OK, "CDI devices"),
        (EngineInfo(cdi_enabled=True), State.FAIL, "CDI is on, but no nvidia.com/gpu was found"),
        (EngineInfo(), State.FAIL, "CDI is off"),
        (EngineInfo(remote=True), State.WARN, "CDI is off"),
    ],
)
def test_the_way_to_an_nvidia_gpu(
    info: EngineInfo, state: State, found: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    check = check_gpu_runtime(CUDA, NVIDIA, info, needed=True)
    assert check.state is state
    assert found in check.found
    assert ("nvidia-ctk" in check.remedy) is (state is not State.OK)


def test_a_hook_in_the_path_is_a_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hook = tmp_path / "nvidia-container-runtime-hook"
    hook.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert check_gpu_runtime(CUDA, NVIDIA, EngineInfo(), needed=True).state is State.OK


def test_native_runs_do_without_a_gpu_runtime(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    check = check_gpu_runtime(CUDA, NVIDIA, EngineInfo(), needed=False)
    assert check.state is State.WARN


def test_other_backends_need_no_gpu_runtime() -> None:
    assert check_gpu_runtime(CPU, NOTHING, EngineInfo(), needed=True).state is State.SKIP
    assert check_gpu_runtime(MPS, NOTHING, EngineInfo(), needed=True).state is State.SKIP
    assert check_gpu_runtime(ROCM, NOTHING, EngineInfo(), needed=True).state is State.OK


@pytest.mark.parametrize(
    ("needed", "state"), [(True, State.FAIL), (False, State.WARN)], ids=["needed", "not needed"]
)
def test_an_absent_engine(needed: bool, state: State) -> None:
    error = EngineError("No container engine runs at x.", "Start it.")
    check = explain_no_engine(error, needed=needed)
    assert (check.state, check.found, check.remedy) == (state, error.message, error.remedy)


@pytest.mark.parametrize(
    ("output", "state", "found"),
    [
        ("github.com/docker/buildx v0.17.1 257815a\n", State.OK, "buildx v0.17.1"),
        ("github.com/docker/buildx 0.13.1+ds1-1\n", State.OK, "buildx 0.13.1"),
        ("github.com/docker/buildx v0.8.2 6224def\n", State.WARN, "buildx v0.8.2"),
        (None, State.WARN, "`docker buildx` doesn't answer"),
    ],
)
def test_the_builder(output: str | None, state: State, found: str) -> None:
    check = check_buildx(output, present=True)
    assert check.state is state
    assert check.found.startswith(found)
