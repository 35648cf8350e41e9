"""`make check-gpu` on boxes with something wrong: a stand-in driver, a stand-in torch."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from nobs.schema.enums import Backend
from tests.fakes.command import environment
from tests.fakes.driver import build_nvml, failing_tool, tool_of
from tests.fakes.forked import REPO
from tests.fakes.gpus import usable_backend
from tests.fakes.rounds import LIGHT

pytest.importorskip("pynvml")
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the stand-in is Linux's library")
H100 = {"name": "NVIDIA H100 80GB HBM3", "total_memory": 80 << 30, "uuid": "8f3c"}
NO_KERNEL = "CUDA error: no kernel image is available for execution on the device"
HUNG = "exec sleep 600"
FILE_BLOCKS = 1
"""Of 512 bytes: a file system that is full but for that."""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return build_nvml(tmp_path_factory.mktemp("driver"))


def check(
    tmp_path: Path, variables: Mapping[str, str], gpu: dict[str, Any] | None, *, blocks: int = 0
) -> subprocess.CompletedProcess[str]:
    """Check a box whose torch sees `gpu`, with files of at most `blocks` blocks."""
    env = environment(tmp_path, LIGHT_TORCH_GPU=json.dumps(gpu), **variables)
    env["PYTHONPATH"] = f"{LIGHT}:{REPO}"
    limit = f"ulimit -f {blocks}; " if blocks else ""
    words = [sys.executable, "-m", "tools.check_gpu", "--out", str(tmp_path / "out"),
             "--budget", "500"]  # fmt: skip
    return subprocess.run(
        ["/bin/sh", "-c", f'{limit}exec "$@"', "sh", *words],
        cwd=tmp_path, env=env, capture_output=True, text=True, check=False, timeout=550,
    )  # fmt: skip


def page(tmp_path: Path) -> str:
    """The verdict as one line of words, so that its line breaks don't matter."""
    return " ".join((tmp_path / "out" / "verdict.md").read_text().split())


@pytest.mark.long
def test_a_driver_too_old_for_this_torch_is_named_with_the_build_that_fits(
    tmp_path: Path, library: dict[str, str]
) -> None:
    tool = tool_of(tmp_path / "bin", driver="550.54.15")

    done = check(tmp_path, {**tool, **library, "FAKE_NVML": "idle"}, {**H100, "unavailable": True})

    assert done.returncode == 1
    assert (
        "FAIL device torch 0+light is built for CUDA 13.0; NVIDIA H100 80GB HBM3 with driver "
        "550.54.15 needs the build cu126." in page(tmp_path)
    )
    assert "skip embeddings torch can't use the device, see `device`" in page(tmp_path)
    assert "ok card NVIDIA H100 80GB HBM3: ECC reports no errors" in page(tmp_path)


@pytest.mark.long
def test_a_torch_without_code_for_the_card_is_named_with_what_it_was_built_for(
    tmp_path: Path, library: dict[str, str]
) -> None:
    gpu = {**H100, "archs": "sm_75 sm_80", "error": NO_KERNEL}

    check(tmp_path, {**tool_of(tmp_path / "bin"), **library, "FAKE_NVML": "idle"}, gpu)

    assert "(compute capability 9.0); it was built for sm_75 sm_80." in page(tmp_path)
    assert "skip max torch can't use the device" in page(tmp_path)


@pytest.mark.long
def test_without_nvml_and_with_a_driver_whose_tool_hangs_the_page_says_both(tmp_path: Path) -> None:
    check(tmp_path, failing_tool(tmp_path / "bin", HUNG), {**H100, "error": "driver shut down"})

    assert "FAIL driver The backend cuda can't be used: nvidia-smi is installed" in page(tmp_path)
    assert "gave no answer within 5 s" in page(tmp_path)
    assert "FAIL device A tensor operation on cuda failed: driver shut down." in page(tmp_path)


@pytest.mark.long
@pytest.mark.skipif(usable_backend()[0] is not Backend.CPU, reason="this machine has a GPU")
def test_a_box_without_accelerator_is_told_so_and_not_measured_on_its_cpu(tmp_path: Path) -> None:
    done = check(tmp_path, {}, None)

    assert done.returncode == 1
    assert "FAIL accelerator No accelerator was found." in page(tmp_path)
    assert "skip embeddings there is no accelerator" in page(tmp_path)
    assert not (tmp_path / "out" / "results" / "runs").exists()


@pytest.mark.long
@pytest.mark.skipif(usable_backend()[0] is not Backend.CPU, reason="this machine has a GPU")
def test_a_full_disk_is_named_and_the_verdict_is_printed(tmp_path: Path) -> None:
    done = check(tmp_path, {}, None, blocks=FILE_BLOCKS)

    assert done.returncode == 1
    assert "accelerator" in done.stdout
    assert "can't write" in done.stdout


@pytest.mark.long
@pytest.mark.parametrize(
    ("faults", "mig", "said"),
    [
        ("idle,ecc", "Disabled", "3 uncorrected ECC errors"),
        ("", "Disabled", "busy: 2 other processes"),
        ("idle,mig", "Enabled", "MIG is on for NVIDIA H100 80GB HBM3, but it has no instance"),
    ],
)
def test_a_doubtful_card_is_named_and_every_stage_still_runs(
    tmp_path: Path, library: dict[str, str], faults: str, mig: str, said: str
) -> None:
    tool = tool_of(tmp_path / "bin", mig=mig)

    check(tmp_path, {**tool, **library, "FAKE_NVML": faults}, H100)

    assert said in page(tmp_path)
    assert "ok device NVIDIA H100 80GB HBM3 computes right" in page(tmp_path)
    # Only torch's stand-in keeps the runs from measuring.
    for stage in ("embeddings", "max"):
        assert f"FAIL {stage} " in page(tmp_path)
