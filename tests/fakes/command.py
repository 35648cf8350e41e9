"""`python -m nobs` in a child process, away from this machine's own settings."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
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
    return subprocess.run(
        [sys.executable, "-m", "nobs", *words],
        cwd=cwd,
        env=env or environment(cwd),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
