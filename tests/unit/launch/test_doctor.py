"""Each check as a value of what was found; no engine and no GPU needed."""

import os
import socket
from collections.abc import Mapping
from pathlib import Path

import pytest

from nobs.backends import BACKENDS
from nobs.backends.rocm import Rocm
from nobs.errors import EngineError
from nobs.launch.doctor.check import Check, State
from nobs.launch.doctor.disk import check_engine_room, check_hub, check_results
from nobs.launch.doctor.engine import check_buildx, check_engine, check_gpu_runtime
from nobs.launch.doctor.host import check_device_files, check_driver, check_worker
from nobs.launch.engine.info import EngineInfo
from nobs.render.doctor import render_checks
from nobs.schema.base import Backend
from nobs.system.gpus import Accelerators, AmdGpu, AppleGpu, NvidiaGpu

NOTHING = Accelerators()
CUDA, ROCM, MPS, CPU = (BACKENDS.load(name) for name in ("cuda", "rocm", "mps", "cpu"))
AMD = AmdGpu(
    node=1, name="MI300X", gfx="gfx942", memory_gb=192.0, render_minor=128, driver_version="6.10"
)


def nvidia(driver: str) -> Accelerators:
    gpu = NvidiaGpu(
        index=0,
        name="NVIDIA H200",
        memory_gb=140.0,
        driver_version=driver,
        compute_capability=(9, 0),
        uuid=None,
    )
    return Accelerators(nvidia=(gpu,))


def versions(torch: str | None) -> Mapping[str, str | None]:
    return {"torch": torch, "sentence-transformers": "6.2.0"}


@pytest.mark.parametrize(
    ("driver", "state", "found"),
    [
        ("580.65.06", State.OK, "NVIDIA H200, driver 580.65.06, torch from index default"),
        ("550.54.15", State.OK, "NVIDIA H200, driver 550.54.15, torch from index cu126"),
        ("470.82.01", State.FAIL, "The NVIDIA driver 470.82.01 is too old"),
    ],
)
def test_the_driver_decides_the_family_of_cuda(driver: str, state: State, found: str) -> None:
    check = check_driver(CUDA, nvidia(driver))
    assert check.state is state
    assert check.found.startswith(found)
    assert bool(check.remedy) is (state is State.FAIL)


def test_a_backend_without_its_gpu_fails() -> None:
    assert check_driver(CUDA, NOTHING).state is State.FAIL
    assert check_driver(MPS, NOTHING).state is State.FAIL
    assert check_driver(CPU, nvidia("580.65.06")).state is State.SKIP


def test_an_apple_gpu_has_no_driver_of_its_own() -> None:
    apple = Accelerators(apple=AppleGpu(name="Apple M4 Max", cores=32))
    assert check_driver(MPS, apple).found == "Apple M4 Max, torch from index default"


@pytest.mark.parametrize(
    ("info", "state", "found"),
    [
        (EngineInfo(runtimes=("nvidia", "runc")), State.OK, "runtime nvidia"),
        (EngineInfo(cdi_kinds=frozenset({"nvidia.com/gpu"})), State.OK, "CDI devices"),
        (EngineInfo(cdi_enabled=True), State.FAIL, "CDI is on, but no nvidia.com/gpu was seen"),
        (EngineInfo(), State.FAIL, "CDI is off"),
        (EngineInfo(remote=True), State.WARN, "CDI is off"),
    ],
)
def test_the_way_to_an_nvidia_gpu(
    info: EngineInfo, state: State, found: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    check = check_gpu_runtime(CUDA, nvidia("580"), info, needed=True)
    assert check.state is state
    assert found in check.found
    assert ("nvidia-ctk" in check.remedy) is (state is not State.OK)


def test_a_hook_in_the_path_is_a_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hook = tmp_path / "nvidia-container-runtime-hook"
    hook.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert check_gpu_runtime(CUDA, nvidia("580"), EngineInfo(), needed=True).state is State.OK


def test_native_runs_do_without_a_gpu_runtime(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    check = check_gpu_runtime(CUDA, nvidia("580"), EngineInfo(), needed=False)
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
    check = check_engine(None, error, needed=needed)
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


@pytest.mark.parametrize(
    ("backend", "torch", "state"),
    [
        ("cpu", "2.15.0+cpu", State.OK),
        ("cpu", "2.15.0+cu132", State.OK),
        ("cuda", "2.15.0", State.OK),
        ("cuda", "2.15.0+cu126", State.OK),
        ("cuda", "2.15.0+cpu", State.FAIL),
        ("cuda", "2.15.0+rocm7.2", State.FAIL),
        ("rocm", "2.15.0+rocm7.2", State.OK),
        ("rocm", "2.15.0", State.FAIL),
        ("mps", "2.15.0", State.OK),
        ("cpu", None, State.FAIL),
    ],
)
def test_the_worker_must_be_built_for_the_backend(
    backend: str, torch: str | None, state: State
) -> None:
    check = check_worker(BACKENDS.load(backend), versions(torch), needed=True)
    assert check.state is state
    assert bool(check.remedy) is (state is State.FAIL)


def test_containers_make_up_for_a_missing_worker() -> None:
    check = check_worker(CPU, versions(None), needed=False)
    assert (check.state, check.found) == (State.WARN, "Native runs lack torch.")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may open all")
def test_a_closed_device_file_names_its_group(tmp_path: Path) -> None:
    (tmp_path / "dev/dri").mkdir(parents=True)
    (tmp_path / "dev/kfd").touch(mode=0o000)
    check = check_device_files(Rocm(root=tmp_path), Accelerators(amd=(AMD,)))
    assert check is not None
    assert check.state is State.WARN
    assert "usermod -aG" in check.remedy


def test_open_device_files(tmp_path: Path) -> None:
    (tmp_path / "dev/dri").mkdir(parents=True)
    (tmp_path / "dev/kfd").touch()
    (tmp_path / "dev/dri/renderD128").touch()
    check = check_device_files(Rocm(root=tmp_path), Accelerators(amd=(AMD,)))
    assert check is not None
    assert check.state is State.OK
    assert check_device_files(CPU, NOTHING) is None
    assert check_device_files(MPS, NOTHING) is None


def test_results_leave_nothing_behind(tmp_path: Path) -> None:
    assert check_results(tmp_path / "not" / "yet").state is State.OK
    assert list(tmp_path.iterdir()) == []


def test_the_disk_of_another_machine_is_not_ours() -> None:
    assert check_engine_room(None, Backend.CPU).state is State.SKIP


def test_a_hub_that_never_answers_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        check = check_hub(endpoint, offline=False, timeout_s=0.2)
    assert check.state is State.WARN
    assert endpoint in check.found


def test_an_endpoint_that_is_no_address() -> None:
    check = check_hub("huggingface", offline=False)
    assert check.state is State.WARN
    assert "huggingface can't be reached" in check.found


def test_a_failure_stands_out_and_its_remedy_below() -> None:
    ok = Check(name="python", state=State.OK, found="Python 3.13.0")
    bad = Check(
        name="driver", state=State.FAIL, found="It is " + "very " * 20 + "old.", remedy="Go."
    )
    assert render_checks([vars(ok), vars(bad)]) == (
        "ok   python        Python 3.13.0\n"
        "FAIL driver        It is very very very very very very very very very very very\n"
        "                   very very very very very very very very very old.\n"
        "                   -> Go.\n"
    )
