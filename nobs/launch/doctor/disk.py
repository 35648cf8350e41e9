"""Checks of storage and network: results, the hub's cache, the engine's disk, the hub."""

import os
import queue
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path

import requests

from nobs.data.hub_cache import missing_pins
from nobs.launch.doctor.check import Check
from nobs.schema.enums import Backend
from nobs.schema.pins import DatasetPin, ModelPin, Source
from nobs.storage.store import MIN_FREE_BYTES, REMEDY
from nobs.system.host import free_disk_bytes
from nobs.tasks.definitions import is_complete_model
from nobs.units import format_bytes
from nobs.user import is_temporary

HUB_S = 3.0
CACHE_BYTES = 3 << 30
"""Room for the weights of the standard workloads, with some to spare."""
IMAGE_BYTES = {Backend.CPU: 8 << 30, Backend.CUDA: 20 << 30, Backend.ROCM: 50 << 30}
"""Room for an image and its build cache."""
_CACHE_REMEDY = "Set HF_HOME to a writable directory on a disk with room."
_FETCH = "Run `nobs prefetch`, so that measuring needs no network."
_NO_HUB = (
    "Check the network, the proxy and HF_ENDPOINT, or choose --profile quick or --weights random, "
    "which need no hub."
)


def check_results(results: Path) -> Check:
    """Check that reports can be written; nothing is left behind."""
    if os.path.exists(results) and not os.path.isdir(results):  # noqa: PTH110, PTH112 - never raise
        found, remedy = f"The results path {results} is a file.", "Name a directory instead."
        return Check.missing("results", found, remedy, needed=True)
    if error := _refusal(results):
        found = f"Can't write in {results}: {error}."
        return Check.missing("results", found, REMEDY, needed=True)
    return _check_room("results", results, MIN_FREE_BYTES, REMEDY, needed=True)


def check_cache(home: Path, cache: Path, pins: Sequence[DatasetPin | ModelPin]) -> Check:
    """Check the cache of data and weights, and which of the catalogue's pins it holds."""
    if error := _refusal(cache):
        return Check.warn("cache", f"Can't write in {cache}: {error}.", _CACHE_REMEDY)
    if is_temporary(cache):
        found = f"{cache} replaces an unwritable home directory; a restart may delete it."
        return Check.warn("cache", found, _CACHE_REMEDY)
    if not cache.absolute().is_relative_to(home.absolute()):
        found = f"{cache} is outside of {home}, the only directory that containers see."
        return Check.warn("cache", found, "Set HF_HOME instead of HF_HUB_CACHE.")
    # Each run reads again what has no commit: no copy could be the right one.
    pins = [pin for pin in pins if pin.source is not Source.HUB or pin.revision]
    missing = missing_pins(pins, cache, is_complete_model)
    here = len(pins) - len(missing)
    found = f"{cache}: {here} of {len(pins)} models and data sets of the catalogue are cached"
    if not missing:
        return Check.ok("cache", found)
    return Check.warn("cache", f"{found}; missing: {', '.join(missing)}.", _FETCH)


def check_cache_room(cache: Path) -> Check:
    """Check that the weights of the standard workloads would fit."""
    return _check_room("cache disk", cache, CACHE_BYTES, _CACHE_REMEDY, needed=False)


def check_engine_room(root: str | None, backend: Backend) -> Check:
    """Check the room for an image; `root` is None where the engine is on another disk."""
    if root is None or backend not in IMAGE_BYTES:
        return Check.skip("engine disk", "not a disk of this machine")
    remedy = "Free some with `docker system prune`, or put Docker's data on a larger disk."
    return _check_room("engine disk", Path(root), IMAGE_BYTES[backend], remedy, needed=False)


def check_hub(endpoint: str, *, offline: bool, timeout_s: float = HUB_S) -> Check:
    """Check that the hub answers within `timeout_s`, name resolution included."""
    if offline:
        return Check.skip("hub", "not used: HF_HUB_OFFLINE is set")
    answers: queue.Queue[Check] = queue.Queue()
    # Nothing else bounds the time that resolving a name takes; a daemon doesn't delay our end.
    threading.Thread(target=lambda: answers.put(_ask_hub(endpoint, timeout_s)), daemon=True).start()
    try:
        return answers.get(timeout=timeout_s)
    except queue.Empty:
        return Check.warn("hub", f"{endpoint} doesn't answer within {timeout_s:g} s.", _NO_HUB)


def _ask_hub(endpoint: str, timeout_s: float) -> Check:
    try:
        status = requests.head(f"{endpoint}/api/models", timeout=timeout_s).status_code
    except (requests.RequestException, ValueError) as error:
        return Check.warn("hub", f"{endpoint} can't be reached: {_innermost(error)}.", _NO_HUB)
    # A mirror may refuse this route and still work; a proxy answers 403 or 407.
    if status in (403, 407) or status >= 500:
        return Check.warn("hub", f"{endpoint} answers {status}.", _NO_HUB)
    return Check.ok("hub", f"{endpoint} answers")


def _innermost(error: BaseException) -> str:
    """Return the reason inside the errors of requests and urllib3."""
    while error.args and isinstance(error.args[0], BaseException):
        error = error.args[0]
    reason = getattr(error, "reason", None)
    if isinstance(reason, BaseException):
        return _innermost(reason)
    text = " ".join(str(error).split())
    return text.rpartition(">: ")[2].rpartition("): ")[2][:160].rstrip(".")


def _check_room(name: str, path: Path, size: int, remedy: str, *, needed: bool) -> Check:
    free = free_disk_bytes(path)
    if free is None:
        return Check.skip(name, f"the free space at {path} is unknown")
    found = f"{format_bytes(free)} free at {path}"
    if free >= size:
        return Check.ok(name, found)
    return Check.missing(name, f"{found}; {format_bytes(size)} needed.", remedy, needed=needed)


def _refusal(directory: Path) -> str | None:
    """Return why nothing can be written below `directory`, which need not exist yet."""
    place = next(p for p in (directory, *directory.absolute().parents) if os.path.exists(p))  # noqa: PTH110 - never raises
    try:
        with tempfile.TemporaryFile(dir=place):
            return None
    except OSError as error:
        return error.strerror or str(error)
