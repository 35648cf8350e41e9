"""`python -m nobs` in a child process, away from this machine's own settings."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.fakes.forked import LIMIT_S, REPO, ForkedNobs

NO_ENGINE = "unix:///nonexistent/docker.sock"
_OURS = ("NOBS_", "LLM_", "HF_", "HUGGINGFACE_", "DOCKER_", "XDG_CACHE_HOME", "NO_COLOR")

_LOADED = {name: os.environ.get(name) for name in ("LD_LIBRARY_PATH", "LD_PRELOAD")}


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


def start_nobs(*words: str, env: Mapping[str, str], **options: Any) -> "subprocess.Popen[str]":
    """Start `nobs` with `words`; the options are those of `Popen`."""
    # Elsewhere a fork may not use the system's libraries, and none loads other ones than before.
    if sys.platform == "linux" and all(env.get(name) == value for name, value in _LOADED.items()):
        return ForkedNobs(words, env=env, **options)
    command = [sys.executable, "-m", "nobs", *words]
    return subprocess.Popen(command, env=env, text=True, **options)


def run_nobs(
    *words: str, cwd: Path | None = None, env: Mapping[str, str] | None = None,
    timeout_s: float = LIMIT_S,
) -> subprocess.CompletedProcess[str]:  # fmt: skip
    """Run `nobs` with `words` in `cwd`, with nothing on its standard input."""
    env = env or environment(cwd or Path.cwd())
    # Files, because what the command leaves running may keep them open.
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        process = start_nobs(
            *words, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=err
        )
        with process:
            try:
                code = process.wait(timeout_s)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
        out.seek(0)
        err.seek(0)
        return subprocess.CompletedProcess(words, code, out.read(), err.read())
