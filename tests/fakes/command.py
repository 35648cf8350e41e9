"""`python -m nobs` in a child process, away from this machine's own settings."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tests.fakes.forked import LIMIT_S, REPO, run_forked

NO_ENGINE = "unix:///nonexistent/docker.sock"
_OURS = ("NOBS_", "LLM_", "HF_", "HUGGINGFACE_", "DOCKER_", "XDG_CACHE_HOME", "NO_COLOR")


def environment(home: Path, **changes: str) -> dict[str, str]:
    """Return an environment with an empty hub cache, no hub and no engine, then `changes`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    return kept | {
        "PYTHONPATH": str(REPO),
        "HF_HOME": str(home / "hf"),
        "HF_ENDPOINT": "http://127.0.0.1:9",
        "DOCKER_HOST": NO_ENGINE,
        **changes,
    }


def run_nobs(
    *words: str, cwd: Path, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run `nobs` with `words` in `cwd`, with nothing on its standard input."""
    env = env or environment(cwd)
    if sys.platform != "linux":
        return _run_anew(words, cwd, env)
    with tempfile.NamedTemporaryFile("r") as out, tempfile.NamedTemporaryFile("r") as err:
        code = run_forked(words, cwd, env, [out.name, err.name])
        return subprocess.CompletedProcess(words, code, out.read(), err.read())


def _run_anew(
    words: tuple[str, ...], cwd: Path, env: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Import everything again, where a fork may not use the system's libraries."""
    return subprocess.run(
        [sys.executable, "-m", "nobs", *words],
        cwd=cwd,
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
