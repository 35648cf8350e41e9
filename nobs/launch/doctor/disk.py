"""Checks of what a run writes and reads: results, the hub's cache, the engine's data, the hub."""

import os
import queue
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path

import requests

from nobs.data.hub_cache import missing_pins
from nobs.launch.doctor.check import Check, State
from nobs.schema.base import Backend
from nobs.schema.pins import DatasetPin, ModelPin
from nobs.storage.store import MIN_FREE_BYTES
from nobs.system.host import free_disk_bytes
from nobs.units import format_bytes
from nobs.user import is_temporary

HUB_S = 3.0
CACHE_BYTES = 3 << 30
"""Room for the weights of the standard workloads, with some to spare."""
IMAGE_BYTES = {Backend.CPU: 8 << 30, Backend.CUDA: 20 << 30, Backend.ROCM: 50 << 30}
"""Room for an image and its build cache."""
_RESULTS_REMEDY = "Name a writable directory with --results, or repair its permissions."
_CACHE_REMEDY = "Set HF_HOME to a writable directory on a disk with room."
_FETCH = "Run `nobs prefetch`, so that measuring needs no network."
_NO_HUB = (
    "Check the network, the proxy and HF_ENDPOINT, or choose --profile quick, which needs no hub."
)


def check_results(results: Path) -> Check:
    """Tell whether reports can be written, leaving nothing behind."""
    if os.path.exists(results) and not os.path.isdir(results):  # noqa: PTH110, PTH112 - never raise
        return Check(
            name="results",
            state=State.FAIL,
            found=f"The results path {results} is a file.",
            remedy="Name a directory instead.",
        )
    if error := _refusal(results):
        found = f"Can't write in {results}: {error}."
        return Check(name="results", state=State.FAIL, found=found, remedy=_RESULTS_REMEDY)
    return _check_room("results", results, MIN_FREE_BYTES, State.FAIL, _RESULTS_REMEDY)


def check_cache(home: Path, cache: Path, pins: Sequence[DatasetPin | ModelPin]) -> Check:
    """Tell where texts and weights are kept and which of the catalogue's are there."""
    if error := _refusal(cache):
        found = f"Can't write in {cache}: {error}."
        return Check(name="cache", state=State.WARN, found=found, remedy=_CACHE_REMEDY)
    if is_temporary(cache):
        return Check(
            name="cache",
            state=State.WARN,
            found=f"{cache} stands in for a home directory that takes files; it may not outlive a "
            "restart.",
            remedy=_CACHE_REMEDY,
        )
    if not cache.absolute().is_relative_to(home.absolute()):
        return Check(
            name="cache",
            state=State.WARN,
            found=f"{cache} lies outside {home}, the only place that containers see.",
            remedy="Set HF_HOME in place of HF_HUB_CACHE.",
        )
    missing = missing_pins(pins, cache)
    here = len(pins) - len(missing)
    counted = f"{cache}: {here} of {len(pins)} pins of the catalogue are here"
    if not missing:
        return Check(name="cache", state=State.OK, found=counted)
    found = f"{counted}; missing: {', '.join(missing)}."
    return Check(name="cache", state=State.WARN, found=found, remedy=_FETCH)


def check_cache_room(cache: Path) -> Check:
    """Tell whether the weights of the standard workloads would fit."""
    return _check_room("cache disk", cache, CACHE_BYTES, State.WARN, _CACHE_REMEDY)


def check_engine_room(root: str | None, backend: Backend) -> Check:
    """Tell whether an image can be built; `root` is None where the engine's disk isn't ours."""
    if root is None or backend not in IMAGE_BYTES:
        return Check(name="engine disk", state=State.SKIP, found="not a disk of this machine")
    remedy = "Free some with `docker system prune`, or put Docker's data on a larger disk."
    return _check_room("engine disk", Path(root), IMAGE_BYTES[backend], State.WARN, remedy)


def check_hub(endpoint: str, *, offline: bool, timeout_s: float = HUB_S) -> Check:
    """Tell whether the hub answers within `timeout_s`, name resolution included."""
    if offline:
        return Check(name="hub", state=State.SKIP, found="not to be used: HF_HUB_OFFLINE is set")
    answers: queue.Queue[Check] = queue.Queue()
    # Nothing else bounds the time that resolving a name takes; a daemon doesn't delay our end.
    threading.Thread(target=lambda: answers.put(_ask_hub(endpoint, timeout_s)), daemon=True).start()
    try:
        return answers.get(timeout=timeout_s)
    except queue.Empty:
        return _no_hub(f"{endpoint} doesn't answer within {timeout_s:g} s.")


def _ask_hub(endpoint: str, timeout_s: float) -> Check:
    try:
        status = requests.head(f"{endpoint}/api/models", timeout=timeout_s).status_code
    except (requests.RequestException, ValueError) as error:
        return _no_hub(f"{endpoint} can't be reached: {_innermost(error)}.")
    # Mirrors refuse what they don't serve, and still are there; a proxy says 403 or 407.
    if status in (403, 407) or status >= 500:
        return _no_hub(f"{endpoint} answers {status}.")
    return Check(name="hub", state=State.OK, found=f"{endpoint} answers")


def _no_hub(found: str) -> Check:
    return Check(name="hub", state=State.WARN, found=found, remedy=_NO_HUB)


def _innermost(error: BaseException) -> str:
    """Return the reason under the wrappings of requests and urllib3."""
    while error.args and isinstance(error.args[0], BaseException):
        error = error.args[0]
    reason = getattr(error, "reason", None)
    if isinstance(reason, BaseException):
        return _innermost(reason)
    text = " ".join(str(error).split())
    return text.rpartition(">: ")[2].rpartition("): ")[2][:160].rstrip(".")


def _check_room(name: str, path: Path, needed: int, state: State, remedy: str) -> Check:
    free = free_disk_bytes(path)
    if free is None:
        return Check(name=name, state=State.SKIP, found=f"the disk of {path} doesn't tell")
    found = f"{format_bytes(free)} free at {path}"
    if free >= needed:
        return Check(name=name, state=State.OK, found=found)
    return Check(
        name=name, state=state, found=f"{found}; {format_bytes(needed)} are needed.", remedy=remedy
    )


def _refusal(directory: Path) -> str | None:
    """Return why nothing can be written below `directory`, which need not exist yet."""
    place = next(p for p in (directory, *directory.absolute().parents) if os.path.exists(p))  # noqa: PTH110 - never raises
    try:
        with tempfile.TemporaryFile(dir=place):
            return None
    except OSError as error:
        return error.strerror or str(error)
