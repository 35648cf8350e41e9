"""Which torch `make setup` takes, with uv replaced by a program that notes its arguments."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[3]
UV = """#!/bin/sh
echo "$*" >>"$UV_LOG"
[ "$1" = venv ] && mkdir -p .venv/bin && : >.venv/bin/python && chmod +x .venv/bin/python
exit 0
"""
GPU_SIGNS = [Path(name) for name in ("/usr/lib/wsl/lib/nvidia-smi", "/proc/driver/nvidia/version",
                                     "/dev/nvidiactl", "/dev/kfd")]  # fmt: skip

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux has builds for CPUs alone"
)


def program(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    file.chmod(0o755)


@pytest.fixture
def box(tmp_path: Path) -> Path:
    """A checkout's set-up files, with programs of its own in `bin`."""
    for folder in ("tools", "requirements"):
        shutil.copytree(REPO / folder, tmp_path / folder)
    (tmp_path / "nobs").mkdir()
    for file in ("pyproject.toml", "nobs/__init__.py"):
        shutil.copyfile(REPO / file, tmp_path / file)
    program(tmp_path / "bin" / "uv", UV)
    for name in ("sh", "cat", "cksum", "dirname", "sed", "uname", "mkdir", "chmod", "tr", "env"):
        (tmp_path / "bin" / name).symlink_to(shutil.which(name) or pytest.fail(f"no {name} here"))
    (tmp_path / "bin" / "python3.12").symlink_to(os.path.realpath(sys.executable))
    return tmp_path


def set_up(box: Path, **variables: str) -> tuple[str, str]:
    """What the set-up says, and how torch was installed."""
    log = box / "uv.log"
    done = subprocess.run(
        ["/bin/sh", "tools/setup.sh"], cwd=box, capture_output=True, text=True, check=True,
        env={"PATH": str(box / "bin"), "HOME": str(box), "UV_LOG": str(log), **variables},
    )  # fmt: skip
    installed = [line for line in log.read_text().splitlines() if "--dry-run" not in line]
    (torch,) = (line for line in installed if "requirements/torch.txt" in line or "torch==" in line)
    return done.stderr, torch


@pytest.mark.parametrize(
    "script",
    [
        "echo 'GPU 0: NVIDIA RTX A5000'",
        "echo 'GPU 0: NVIDIA RTX A5000'; echo 'WARNING: infoROM is corrupted'; exit 14",
        "echo 'Failed to initialize NVML: Driver/library version mismatch'; exit 18",
        "exec sleep 600",
    ],
)
def test_a_tool_of_the_driver_is_a_gpu_however_it_ends(box: Path, script: str) -> None:
    program(box / "bin" / "nvidia-smi", f"#!/bin/sh\n{script}\n")

    said, torch = set_up(box)

    assert "-r requirements/torch.txt" in torch
    assert f"{box}/bin/nvidia-smi is here" in said


@pytest.mark.skipif(any(sign.exists() for sign in GPU_SIGNS), reason="this machine has a GPU")
def test_a_machine_without_a_gpu_gets_the_build_for_cpus(box: Path) -> None:
    assert "--torch-backend cpu" in set_up(box)[1]


def test_a_named_index_is_taken_whatever_is_here(box: Path) -> None:
    program(box / "bin" / "nvidia-smi", "#!/bin/sh\nexit 0\n")

    assert "--torch-backend cpu" in set_up(box, NOBS_TORCH_INDEX="cpu")[1]
