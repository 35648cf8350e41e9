"""Errors of `lms`, recognised by their text."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from nobs.errors import HostApiError, NobsError, StorageError


class ModelNotFound(HostApiError):
    """`lms` knows no model of that name, on disk or to download."""


@dataclass(frozen=True, kw_only=True)
class _Failure:
    """A known failure; `{model}` and `{reason}`, its last line, are filled in."""

    pattern: str
    message: str
    remedy: str
    kind: type[NobsError] = HostApiError


# The first that matches counts: special reasons come before general ones.
_KNOWN = (
    _Failure(
        pattern=r"ENOSPC|no space left|not enough (disk )?space",
        message="The disk is too full for {model}: {reason}.",
        remedy="Free some space, or move LM Studio's models folder; `lms ls` shows what uses it.",
        kind=StorageError,
    ),
    _Failure(
        pattern=r"insufficient system resources|out of memory|guardrail|failed to allocate",
        message="LM Studio can't load {model}: not enough memory ({reason}).",
        remedy="See what it needs: `lms load {model} --estimate-only`. Unload others (`lms ps`, "
        "`lms unload NAME`), or take a smaller quantization.",
    ),
    _Failure(
        pattern=r"model not found|cannot find a model|no model found that matches",
        message="LM Studio has no model {model!r} to load: {reason}.",
        remedy="See `lms ls`, then name one of the list: --llm-model NAME.",
        kind=ModelNotFound,
    ),
    _Failure(
        pattern=r"no models? found|does not exist|artifact.{0,40}not found",
        message="LM Studio finds no model {model!r} to download: {reason}.",
        remedy="Search with `lms get`, then name it: --llm-model OWNER/NAME.",
        kind=ModelNotFound,
    ),
    _Failure(
        pattern=r"ENOTFOUND|ECONN|ETIMEDOUT|EAI_AGAIN|fetch failed|network error|socket hang up",
        message="The download of {model} failed: {reason}.",
        remedy="Check the network; `lms get {model}` resumes where it stopped.",
    ),
    _Failure(
        pattern=r"EADDRINUSE|use another port",
        message="LM Studio's server doesn't start: {reason}.",
        remedy="Another program may have the port: name a free one, "
        "--llm-url http://127.0.0.1:PORT/v1.",
    ),
)


def explain(words: Sequence[str], said: str, code: int | None) -> NobsError:
    """Return the error of a failed `lms WORDS`; `code` is None where it was stopped."""
    command = f"lms {' '.join(words)}"
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    values = {
        "model": next((word for word in words[1:] if not word.startswith("-")), "MODEL"),
        "reason": lines[-1].rstrip(".") if lines else "no output",
    }
    for known in _KNOWN:
        if re.search(known.pattern, said, re.IGNORECASE):
            return known.kind(known.message.format(**values), known.remedy.format(**values))
    how = "was stopped" if code is None else f"failed with exit code {code}"
    return HostApiError(
        f"`{command}` {how}: {' | '.join(lines).rstrip('.') or 'no output'}.",
        f"Run `{command}` and fix the reported problem.",
    )
