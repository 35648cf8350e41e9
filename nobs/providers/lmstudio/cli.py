"""`lms`, LM Studio's command-line program: found, run with time-outs, read as JSON."""

import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, Queue
from typing import IO, Any

from nobs.errors import RequirementError
from nobs.providers.base import OnProgress
from nobs.providers.lmstudio.failures import explain
from nobs.system.child import child
from nobs.user import home

ANSWER_S = 60.0
"""For commands that neither load nor download; the first one may have to start LM Studio."""
_GRACE_S = 5.0
_REPORT_INTERVAL_S = 2.0
_TERMINAL_CODES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_BREAKS = re.compile(r"[\r\n]+")


@dataclass(frozen=True)
class Lms:
    """The program; its messages come on standard error, JSON on standard output."""

    path: Path

    def run(self, *words: str, limit_s: float = ANSWER_S) -> str:
        """Return the standard output; NobsError if it fails or takes too long."""
        with self._start(words, subprocess.PIPE, _GRACE_S) as process:
            try:
                output, messages = process.communicate(timeout=limit_s)
            except subprocess.TimeoutExpired as error:
                process.kill()
                raise explain(words, f"It didn't end in {limit_s:.0f} s.", None) from error
        if process.returncode:
            raise explain(words, _plain(messages or output), process.returncode)
        return output

    def read(self, *words: str) -> Any:  # noqa: ANN401 - whatever the program prints
        """Return what it prints as JSON."""
        output = self.run(*words, "--json")
        try:
            return json.loads(output)
        except ValueError as error:
            raise explain(words, f"It printed no JSON: {output[:200]!r}", 0) from error

    def follow(
        self, *words: str, on_progress: OnProgress, limit_s: float, silence_s: float
    ) -> None:
        """Run a long command and report its progress; NobsError as in `run`."""
        lines: list[str] = []
        with self._start(words, subprocess.STDOUT, 0.0) as process:
            assert process.stdout is not None  # noqa: S101 -- a pipe
            reported_at = 0.0
            for line in _lines(words, process.stdout, limit_s, silence_s):
                lines.append(line)
                if time.monotonic() >= reported_at + _REPORT_INTERVAL_S:
                    on_progress(f"lms {words[0]}: {line}")
                    reported_at = time.monotonic()
            with suppress(subprocess.TimeoutExpired):
                process.wait(ANSWER_S)
        if process.returncode:
            raise explain(words, "\n".join(lines[-8:]), process.returncode)

    def _start(
        self, words: tuple[str, ...], stderr: int, finish_s: float
    ) -> AbstractContextManager[subprocess.Popen[str]]:
        """Run it without a terminal, so that it asks nobody.

        What is short may finish in `finish_s`, so that it is known what there is to undo.
        """
        return child(
            [str(self.path), *words], finish_s=finish_s, grace_s=_GRACE_S, stderr=stderr,
            env={**os.environ, "NO_COLOR": "1"},
        )  # fmt: skip


def _lines(
    words: tuple[str, ...], stream: IO[str], limit_s: float, silence_s: float
) -> Iterator[str]:
    """Yield lines, those of a progress bar too, until the program ends; bounded in every wait."""
    pieces: Queue[str] = Queue()
    threading.Thread(target=_pump, args=(stream, pieces), daemon=True).start()
    deadline, text = time.monotonic() + limit_s, ""
    while True:
        wait_s = min(silence_s, deadline - time.monotonic())
        try:
            piece = pieces.get(timeout=max(0.0, wait_s))
        except Empty:
            raise explain(words, f"It had no output for {wait_s:.0f} s.", None) from None
        *whole, text = _BREAKS.split(text + piece)
        yield from filter(None, map(_plain, whole if piece else [*whole, text]))
        if not piece:
            return


def _pump(stream: IO[str], pieces: "Queue[str]") -> None:
    """Pass on what comes; the empty text is the end."""
    with suppress(ValueError, OSError):
        while piece := os.read(stream.fileno(), 4096):
            pieces.put(piece.decode("utf-8", "replace"))
    pieces.put("")


def _plain(text: str) -> str:
    return _TERMINAL_CODES.sub("", text).strip()


def check_lms_cli() -> Lms:
    """Return the program; RequirementError where LM Studio isn't installed."""
    name = "lms.exe" if sys.platform == "win32" else "lms"
    on_path = shutil.which("lms")
    places = [Path(on_path)] if on_path else []
    places += [home / "bin" / name for home in homes()]
    for place in places:
        if place.is_file() and os.access(place, os.X_OK):
            return Lms(place)
    looked = ", ".join(str(home / "bin") for home in homes())
    raise RequirementError(
        f"LM Studio's program `lms` is neither on PATH nor in {looked}.",
        "Install LM Studio from https://lmstudio.ai and start it once, or use another server: "
        "--llm-url URL.",
    )


def homes() -> Iterator[Path]:
    """Yield LM Studio's directories: where its pointer says, then the usual ones."""
    user = home()
    if user is None:
        return
    with suppress(OSError, UnicodeDecodeError):
        named = (user / ".lmstudio-home-pointer").read_text(encoding="utf-8").strip()
        if named:
            yield Path(named)
    yield user / ".lmstudio"
    yield user / ".cache" / "lm-studio"
