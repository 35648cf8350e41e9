"""What the doctor finds on the host, as values; no GPU needed."""

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from nobs.backends import BACKENDS
from nobs.backends.rocm import Rocm
from nobs.launch.doctor.check import State
from nobs.launch.doctor.host import check_device_files, check_driver, check_worker
from nobs.system.gpus import Accelerators, AppleGpu
from nobs.tasks import TASKS
from tests.fakes.gpus import amd_gpu, nvidia_gpu

EMBEDDINGS = TASKS.load("embeddings")
NOTHING = Accelerators()
CUDA, MPS, CPU = (BACKENDS.load(name) for name in ("cuda", "mps", "cpu"))


def nvidia(driver: str) -> Accelerators:
    return Accelerators(nvidia=(nvidia_gpu(driver=driver),))


def versions(torch: str | None) -> Mapping[str, str | None]:
    return {"torch": torch, "sentence-transformers": "6.2.0"}


@pytest.mark.parametrize(
    ("driver", "state", "found"),
    [
        ("580.65.06", State.OK, "NVIDIA 0, driver 580.65.06, torch from index default"),
        ("550.54.15", State.OK, "NVIDIA 0, driver 550.54.15, torch from index cu126"),
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


def test_auto_says_which_gpu_it_passed_over() -> None:
    hidden = Accelerators(nvidia=(nvidia_gpu(),), variables={"CUDA_VISIBLE_DEVICES": ""})

    auto, cpu = (check_driver(CPU, hidden, is_auto=is_auto) for is_auto in (True, False))

    assert (auto.state, cpu.state) == (State.WARN, State.SKIP)
    assert auto.found == "cpu: CUDA_VISIBLE_DEVICES='' hides NVIDIA 0"


def test_what_the_tool_complains_of_is_a_warning() -> None:
    found = Accelerators(nvidia=(nvidia_gpu(),), remarks=("nvidia-smi exited with 14",))

    check = check_driver(CUDA, found)

    assert check.state is State.WARN
    assert check.found.endswith("; nvidia-smi exited with 14")


def test_an_apple_gpu_has_no_driver_of_its_own() -> None:
    apple = Accelerators(apple=AppleGpu(name="Apple M4 Max", cores=32))
    assert check_driver(MPS, apple).found == "Apple M4 Max, torch from index default"


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
    check = check_worker(EMBEDDINGS, BACKENDS.load(backend), versions(torch), needed=True)
    assert check.state is state
    assert bool(check.remedy) is (state is State.FAIL)


def test_containers_make_up_for_a_missing_worker() -> None:
    check = check_worker(EMBEDDINGS, CPU, versions(None), needed=False)
    assert check.state is State.WARN
    assert check.found == "Native runs of embeddings need torch; not installed here."
    assert 'pip install "nobs[bench]"' in check.remedy


def test_a_task_without_torch_has_no_build_for_a_backend() -> None:
    check = check_worker(EMBEDDINGS, CUDA, {"onnxruntime": "1.27.0"}, needed=True)
    assert (check.state, check.found) == (State.OK, "embeddings: onnxruntime 1.27.0")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may open all")
def test_a_closed_device_file_names_its_group(tmp_path: Path) -> None:
    (tmp_path / "dev/dri").mkdir(parents=True)
    (tmp_path / "dev/kfd").touch(mode=0o000)
    check = check_device_files(Rocm(root=tmp_path), Accelerators(amd=(amd_gpu(),)))
    assert check is not None
    assert check.state is State.WARN
    assert "usermod -aG" in check.remedy


def test_open_device_files(tmp_path: Path) -> None:
    (tmp_path / "dev/dri").mkdir(parents=True)
    (tmp_path / "dev/kfd").touch()
    (tmp_path / "dev/dri/renderD128").touch()
    check = check_device_files(Rocm(root=tmp_path), Accelerators(amd=(amd_gpu(),)))
    assert check is not None
    assert check.state is State.OK
    assert check_device_files(CPU, NOTHING) is None
    assert check_device_files(MPS, NOTHING) is None
