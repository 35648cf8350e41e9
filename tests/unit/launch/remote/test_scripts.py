"""Scripts for hosts, run by this machine's shell."""

import os
import platform
import shutil
import subprocess
from pathlib import Path

import pytest

from nobs.launch.remote.scripts import HOME, install

pytestmark = pytest.mark.skipif(shutil.which("sh") is None, reason="needs a POSIX shell")


def test_the_lock_of_a_killed_installation_keeps_nobody_waiting(tmp_path: Path) -> None:
    lock = tmp_path / HOME / "1.0.lock"
    lock.mkdir(parents=True)
    killed = subprocess.Popen(["sh", "-c", "exit 0"])
    killed.wait()
    (lock / "holder").write_text(f"{platform.node()} {killed.pid}\n")
    done = run_install(tmp_path)

    assert (done.returncode, done.stderr) == (9, "the copied wheel is incomplete\n")
    assert not lock.exists()


def test_an_installation_waits_for_another_and_leaves_its_lock(tmp_path: Path) -> None:
    lock = tmp_path / HOME / "1.0.lock"
    lock.mkdir(parents=True)
    (lock / "holder").write_text(f"{platform.node()} {os.getpid()}\n")
    done = run_install(tmp_path, before="sleep() { kill -TERM $$; }\n")

    assert done.returncode == 9
    assert lock.exists()


def run_install(home: Path, before: str = "") -> subprocess.CompletedProcess[str]:
    """Install a wheel that isn't there."""
    (home / HOME / "nobs.whl").touch()
    return subprocess.run(
        ["sh"], input=before + install("1.0", "nobs.whl", "0" * 64, ""), text=True,
        env={"HOME": str(home), "PATH": os.environ["PATH"]}, capture_output=True, timeout=60,
        check=False,
    )  # fmt: skip
