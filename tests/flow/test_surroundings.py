"""Users without a name or a home, and paths that no shell has expanded: real processes."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.command import NO_ENGINE, run_nobs
from tests.fakes.engine import stand_in_engine
from tests.fakes.forked import REPO

UID = 23456
COMMANDS = (
    "run --dry-run --profile quick --task embeddings --execution native",
    "info", "doctor", "ps", "report", "clean", "attach no-run", "logs no-run", "tasks", "models",
    "compare one two", "validate one",
)  # fmt: skip
# A home of somebody else is closed: `su` without a dash and `docker run --user` leave it in HOME.
HOMES = {
    "unset": None,
    "empty": "",
    "root": "/",
    "closed": "{tmp}/closed",
    "absent": "/nonexistent",
    "read-only": "{tmp}/read-only",
}
FIRST = ("unset", "empty", "root", "closed")
"""The others end like a closed one, and take as long: they are tried in CI."""
pytestmark = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can become another user"
)

# Python and NOBS may be root's own: they are loaded before root's rights are given up, and once.
_AS_ANOTHER = """
import gc, json, os, sys, tempfile
import nobs.cli
from tests.fakes.forked import ending_at_once, import_launcher
import_launcher()
gc.freeze()

def run(words, cwd, env):
    out, err = tempfile.TemporaryFile(dir="/tmp"), tempfile.TemporaryFile(dir="/tmp")
    if not (child := os.fork()):
        os.dup2(out.fileno(), 1), os.dup2(err.fileno(), 2)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.chdir(cwd)
        os.environ.clear(), os.environ.update(env)
        os.setgroups([]), os.setgid(int(sys.argv[1])), os.setuid(int(sys.argv[1]))
        sys.argv = ["nobs", *words.split()]
        with ending_at_once():
            nobs.cli.main()
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return [words, code, *((f.seek(0), f.read().decode())[1] for f in (out, err))]

for line in sys.stdin:
    commands, cwd, env = json.loads(line)
    print(json.dumps([run(words, cwd, env) for words in commands]), flush=True)
"""


@dataclass(frozen=True)
class Done:
    """How one command ended."""

    words: str
    code: int
    stdout: str
    stderr: str


As = Callable[..., list[Done]]


@pytest.fixture
def place() -> Iterator[Path]:
    """Yield a directory that every user may enter; those of pytest are its user's alone."""
    with tempfile.TemporaryDirectory(prefix="nobs-test-") as directory:
        Path(directory).chmod(0o711)
        yield Path(directory)


@pytest.fixture(scope="module")
def server() -> Iterator["subprocess.Popen[str]"]:
    """Yield a process that has imported `nobs` and runs its commands as somebody else."""
    env = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(REPO)}
    with subprocess.Popen(
        [sys.executable, "-c", _AS_ANOTHER, str(UID)], env=env, cwd="/", text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as process:  # fmt: skip
        yield process


@pytest.fixture
def another(place: Path, server: "subprocess.Popen[str]") -> As:
    """Return a function that runs `nobs` as a user whom no list of users knows."""
    for name, mode in (("closed", 0o700), ("read-only", 0o555), ("own", 0o777), ("tmp", 0o1777)):
        (place / name).mkdir()
        (place / name).chmod(mode)

    def run(*commands: str, **variables: str | None) -> list[Done]:
        env = {
            "PATH": "/usr/bin:/bin", "PYTHONPATH": str(REPO), "DOCKER_HOST": NO_ENGINE,
            "HF_ENDPOINT": "http://127.0.0.1:9", "TMPDIR": str(place / "tmp"), **variables,
        }  # fmt: skip
        kept = {name: value for name, value in env.items() if value is not None}
        assert server.stdin is not None
        assert server.stdout is not None
        server.stdin.write(json.dumps([commands, str(place / "own"), kept]) + "\n")
        server.stdin.flush()
        return [Done(*each) for each in json.loads(server.stdout.readline())]

    return run


@pytest.mark.parametrize(
    "home",
    [pytest.param(home, marks=[] if home in FIRST else [pytest.mark.long]) for home in HOMES],
)
def test_no_command_needs_a_name_or_a_home(another: As, place: Path, home: str) -> None:
    value = HOMES[home]
    few = home in ("empty", "root")
    for done in another(*COMMANDS[: 3 if few else None], HOME=value and value.format(tmp=place)):
        assert "Traceback" not in done.stderr, done
        assert done.code in (0, 2, 3), done
        assert done.code == 0 or done.stderr.count("\n") <= 2, done
    assert [path.name for path in (place / "own").iterdir() if path.name[0] in "~$"] == []


def test_a_user_without_a_name_is_told_where_its_cache_is(another: As, place: Path) -> None:
    (done,) = another("doctor")
    assert f"{place}/tmp/nobs-home-{UID}/.cache/huggingface" in "".join(done.stdout.split())
    assert "HF_HOME" in done.stdout
    assert (place / f"tmp/nobs-home-{UID}").stat().st_mode & 0o777 == 0o700


def test_a_cache_that_takes_nothing_is_still_read(another: As, place: Path) -> None:
    weights = place / "read-only/.cache/huggingface"
    weights.mkdir(parents=True)
    (done,) = another("doctor", HOME=str(place / "read-only"))
    assert f"Can'twritein{weights}/hub" in "".join(done.stdout.split())


@pytest.mark.parametrize("name", ["HF_HOME", "NOBS_RESULTS"])
@pytest.mark.parametrize("value", ["~/x", "$HOME/x", "~nobody-of-this-name/x"])
def test_a_home_that_nobody_knows_is_a_usage_error(
    another: As, place: Path, name: str, value: str
) -> None:
    for done in another("ps", "run --dry-run --profile quick", "report", "clean", **{name: value}):
        assert done.code == 2, done
        assert done.stderr.startswith(f"nobs: {name} is '{value}'"), done
    assert list((place / "own").iterdir()) == []


def test_a_temporary_directory_that_takes_nothing_is_no_traceback(another: As, place: Path) -> None:
    (done,) = another("run --dry-run --profile quick --execution native",
                      TMPDIR=str(place / "read-only"), HOME=str(place / "own"))  # fmt: skip
    assert done.code == 0, done


def test_a_working_directory_that_is_gone_is_one_paragraph(place: Path) -> None:
    script = (
        f"mkdir {place}/gone; cd {place}/gone; rmdir {place}/gone; exec {sys.executable} -m nobs ps"
    )
    done = subprocess.run(
        ["/bin/sh", "-c", script], env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(REPO)},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 3
    assert done.stderr.startswith("nobs: ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("NOBS_RESULTS=~/out", "home/out"),
        ("NOBS_RESULTS=$HOME/out", "home/out"),
        ("NOBS_RESULTS='$HOME/out'", "home/out"),
        ('export NOBS_RESULTS="${HOME}/out"', "home/out"),
        ("NOBS_RESULTS=out", "out"),
        ("\ufeffNOBS_RESULTS=~/out\r", "home/out"),
    ],
)
def test_results_of_an_env_file_are_where_a_shell_would_have_them(
    tmp_path: Path, line: str, meant: str
) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / ".env").write_text(f"{line}\n", encoding="utf-8", newline="")
    assert plan(tmp_path)["run_directory"].startswith(f"{_shown(tmp_path, meant)}/runs/")


def test_an_option_that_bash_leaves_alone_means_the_same(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    directory = plan(tmp_path, "--results=~/out")["run_directory"]
    assert directory.startswith(f"{tmp_path}/home/out/runs/")


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("HF_HOME=$HOME/hf", "home/hf"),
        ("HF_HOME=~/hf", "home/hf"),
        ("XDG_CACHE_HOME=$HOME/c", "home/c/huggingface"),
    ],
)
def test_containers_get_the_cache_that_the_hubs_client_has(
    tmp_path: Path, line: str, meant: str
) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / ".env").write_text(f"{line}\n")
    with stand_in_engine(tmp_path / "e.sock") as engine:
        words = "--task", "embeddings", "--backend", "cpu", "--execution", "container"
        found = plan(tmp_path, *words, profile="standard", DOCKER_HOST=engine.url)
    mounts = {mount["target"]: mount["source"] for mount in found["fetch"]["mounts"]}
    assert mounts["/cache/huggingface"] == str(tmp_path / meant)


def plan(tmp_path: Path, *words: str, profile: str = "quick", **variables: str) -> dict[str, Any]:
    env = {
        "PATH": os.environ["PATH"], "PYTHONPATH": str(REPO), "HOME": str(tmp_path / "home"),
        "DOCKER_HOST": NO_ENGINE, **variables,
    }  # fmt: skip
    done = run_nobs(
        "run", "--dry-run", "--json", "--profile", profile, *words, cwd=tmp_path, env=env
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _shown(tmp_path: Path, place: str) -> str:
    return place if place == "out" else f"{tmp_path}/{place}"
