"""LM Studio on this machine: a look-alike of `lms` in front of a real llama.cpp server."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nobs.launch.planning.connection import resolve_connection
from nobs.providers.base import OnProgress, ServedModel
from nobs.providers.definitions import LMSTUDIO
from nobs.schema.server import ServerRequest
from tests.fakes.ports import free_port

PROGRAM = Path(__file__).with_name("lms_program.py")
TINY, OTHER = "openai/tiny", "qwen/other"


def model(key: str, **changes: Any) -> dict[str, Any]:
    """An entry as `lms ls --json` prints it."""
    return {
        "type": "llm",
        "modelKey": key,
        "format": "gguf",
        "displayName": key,
        "path": f"{key}/weights.gguf",
        "sizeBytes": 96_576_768,
        "paramsString": "135M",
        "architecture": "llama",
        "quantization": {"name": "Q4_1", "bits": 4},
        "maxContextLength": 8192,
        **changes,
    }


def grouped(key: str, *quantizations: str, selected: str) -> dict[str, Any]:
    """An entry whose key stands for several quantisations, of which it loads one."""
    variants = [f"{key}@{name}" for name in quantizations]
    quantization = {"name": selected.upper(), "bits": 4}
    chosen = f"{key}@{selected}"
    return model(key, variants=variants, selectedVariant=chosen, quantization=quantization)


def instance(key: str, identifier: str | None = None, **changes: Any) -> dict[str, Any]:
    """An entry as `lms ps --json` prints it."""
    loaded = {"identifier": identifier or key, "contextLength": 4096, "parallel": 4}
    return {**model(key), **loaded, "status": "idle", "queued": 0, **changes}


@dataclass(frozen=True)
class Studio:
    """One installation and its state."""

    home: Path
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def environment(self) -> dict[str, str]:
        """What makes `lms` this one."""
        path = f"{self.home / 'bin'}{os.pathsep}{os.environ['PATH']}"
        return {"PATH": path, "FAKE_LMS_HOME": str(self.home)}

    def open(
        self, on_progress: OnProgress = lambda _: None, **changes: Any
    ) -> AbstractContextManager[ServedModel]:
        """Ask LM Studio for a model as a run does; what is missing is set up."""
        asked = {"provider": "lmstudio", "url": self.url, "model": "tiny", "setup": True}
        request = ServerRequest(**{**asked, **changes})
        connection = resolve_connection(request, in_container=False)
        return LMSTUDIO.open(request, connection, on_progress)

    def read(self) -> dict[str, Any]:
        state: dict[str, Any] = json.loads((self.home / "state.json").read_text())
        return state

    def change(self, **changes: Any) -> None:
        state = self.read() if (self.home / "state.json").exists() else {}
        # At once: the server may be reading it.
        new = self.home / "state.new"
        new.write_text(json.dumps({**state, **changes}))
        new.replace(self.home / "state.json")

    def calls(self) -> list[str]:
        """The commands that were given so far."""
        with suppress(FileNotFoundError):
            return (self.home / "calls.txt").read_text().splitlines()
        return []

    def condition(self) -> dict[str, Any]:
        """What a user would notice."""
        state = self.read()
        return {
            "daemon": state["daemon"],
            "serving": state["pid"] is not None,
            "loaded": sorted((each["identifier"], each["modelKey"]) for each in state["loaded"]),
        }

    def lms(self, *words: str) -> None:
        """Give a command as the user would."""
        subprocess.run(
            [str(self.home / "bin" / "lms"), *words],
            env=self.environment,
            capture_output=True,
            check=True,
            timeout=120,
        )

    def stop(self) -> None:
        """End what listens."""
        pid = self.read()["pid"]
        if pid is not None:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


@contextmanager
def studio(home: Path, upstream: str) -> Iterator[Studio]:
    """Install the look-alike in `home`; nothing runs and nothing is downloaded yet."""
    program = home / "bin" / "lms"
    program.parent.mkdir(parents=True)
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S "{PROGRAM}" "$@"\n')
    program.chmod(0o755)
    installed = Studio(home, free_port())
    installed.change(
        daemon=False, is_daemon=True, is_old=False, evicts=False, device=None, pid=None, port=1234,
        models=[], loaded=[], catalog=[model(TINY)], faults={}, delay_s=0.02,
        upstream=upstream,
    )  # fmt: skip
    try:
        yield installed
    finally:
        installed.stop()
