"""What went wrong when `lms` failed, and what to do: it tells in words only."""

import re
from collections.abc import Callable, Sequence

from nobs.errors import HostApiError, NobsError, StorageError

type _Make = Callable[[str, str], NobsError]


class ModelNotFound(HostApiError):
    """`lms` knows no model of that name, on disk or to download."""


def explain(words: Sequence[str], said: str, code: int | None) -> NobsError:
    """Return the error of a failed `lms WORDS`; `code` is None where it was stopped."""
    command = f"lms {' '.join(words)}"
    subject = next((word for word in words[1:] if not word.startswith("-")), "MODEL")
    for pattern, make in _KNOWN:
        if pattern.search(said):
            return make(subject, said)
    how = "was stopped" if code is None else f"failed with exit code {code}"
    quoted = " | ".join(line for line in said.splitlines() if line.strip()) or "nothing"
    return HostApiError(
        f"`{command}` {how}; it said: {quoted}.", f"Run `{command}` yourself and mend what it says."
    )


def _no_space(model: str, said: str) -> NobsError:
    return StorageError(
        f"The disk is too full for {model}: {_last(said)}.",
        "Free some space, or move LM Studio's models folder; `lms ls` shows what takes it.",
    )


def _no_memory(model: str, said: str) -> NobsError:
    return HostApiError(
        f"LM Studio can't load {model}: not enough memory ({_last(said)}).",
        f"See what it needs: `lms load {model} --estimate-only`. Unload others (`lms ps`, "
        "`lms unload NAME`), or take a smaller quantization.",
    )


def _no_such_model(model: str, said: str) -> NobsError:
    return ModelNotFound(
        f"LM Studio finds no model {model!r} to download: {_last(said)}.",
        "Search with `lms get`, then name it: --llm-model OWNER/NAME.",
    )


def _not_on_disk(model: str, said: str) -> NobsError:
    return ModelNotFound(
        f"LM Studio has no model {model!r} to load: {_last(said)}.",
        "See `lms ls`, then name what is there: --llm-model NAME.",
    )


def _no_network(model: str, said: str) -> NobsError:
    return HostApiError(
        f"The download of {model} failed: {_last(said)}.",
        f"Check the network; `lms get {model}` goes on where it stopped.",
    )


def _port_taken(_: str, said: str) -> NobsError:
    return HostApiError(
        f"LM Studio's server doesn't start: {_last(said)}.",
        "Another program may have the port: name a free one, --llm-url http://127.0.0.1:PORT/v1.",
    )


def _last(said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return lines[-1].rstrip(".") if lines else "it said nothing"


_KNOWN: tuple[tuple[re.Pattern[str], _Make], ...] = (
    (re.compile(r"ENOSPC|no space left|not enough (disk )?space", re.I), _no_space),
    (re.compile(r"insufficient system resources|out of memory|guardrail|failed to allocate",
                re.I), _no_memory),
    (re.compile(r"model not found|cannot find a model|no model found that matches", re.I),
     _not_on_disk),
    (re.compile(r"no models? found|does not exist|artifact.{0,40}not found", re.I), _no_such_model),
    (re.compile(r"ENOTFOUND|ECONN|ETIMEDOUT|EAI_AGAIN|fetch failed|network error|socket hang up",
                re.I), _no_network),
    (re.compile(r"EADDRINUSE|use another port", re.I), _port_taken),
)  # fmt: skip
