"""Scripts for hosts, run by this machine's shell."""

import os
import platform
import shutil
import subprocess
from pathlib import Path

import pytest

from nobs.launch.remote.scripts import HOME, MARK, follow, install

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


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="only Linux has /proc")
@pytest.mark.parametrize(("delay_s", "is_ours"), [("0.3", True), ("9", False)])
def test_a_run_that_was_just_forked_lives(tmp_path: Path, delay_s: str, *, is_ours: bool) -> None:
    kind = tmp_path / HOME / "hosts" / "a-fleet" / "run"
    kind.mkdir(parents=True)
    begins = f'sleep {delay_s}; exec sh -c "sleep 20; :" "$NAME"'
    with subprocess.Popen(["sh", "-c", begins], env={**os.environ, "NAME": "a-fleet"}) as process:
        (kind / "pid").write_text(f"{process.pid}\n")
        with subprocess.Popen(
            ["sh"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={"HOME": str(tmp_path), "PATH": os.environ["PATH"]},
        ) as script:  # fmt: skip
            assert script.stdin
            assert script.stdout
            script.stdin.write(follow("a-fleet", "run", 0))
            script.stdin.close()
            said = [script.stdout.readline().strip() for _ in range(2)]
            script.kill()
        process.kill()

    assert (said[1].removeprefix(MARK).strip() == "beat") is is_ours


def run_install(home: Path, before: str = "") -> subprocess.CompletedProcess[str]:
    """Install a wheel that isn't there."""
    (home / HOME / "nobs.whl").touch()
    return subprocess.run(
        ["sh"], input=before + install("1.0", "nobs.whl", "0" * 64, ""), text=True,
        env={"HOME": str(home), "PATH": os.environ["PATH"]}, capture_output=True, timeout=60,
        check=False,
    )  # fmt: skip
