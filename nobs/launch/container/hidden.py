"""Directories that the engine can't see, and a remedy for each cause."""

import platform
import re
from collections.abc import Sequence
from pathlib import Path

from nobs.errors import EngineError
from nobs.launch.engine.info import EngineInfo

_PATH = r"[\"'`]?(?P<path>/[^\"'`:\n]*[^\"'`:\s.])"
_CLOSED = r"permission denied|operation not permitted|access denied|required key not available"
_GONE = r"no such file or directory|does not exist|read-only file system|file exists"
_BROKEN = r"stale (nfs )?file handle|transport endpoint|input/output error|not a directory"
_UNSHARED = r"mounts denied|not shared from the host|not a shared mount"
_OF_A_MOUNT = re.compile(
    rf"(bind (mount )?source path does not exist:|while creating mount source path"
    rf"|invalid mount config.*?: \w+|mounts denied.*?the path) {_PATH}",
    re.IGNORECASE | re.DOTALL,
)
_OF_A_PATH = re.compile(
    rf"(stat|lstat|statfs|mkdir|mounting|open) {_PATH}.*?({_CLOSED}|{_GONE}|{_BROKEN})",
    re.IGNORECASE | re.DOTALL,
)
_PLACES = "Choose another place with --results, HF_HOME (the cache), --model or --dataset"


def explain_hidden(
    text: str, short: str, image: str, engine: EngineInfo, sources: Sequence[Path] = ()
) -> EngineError | None:
    """Return the error of an engine that can't see a directory, None for any other `text`.

    `sources` are the paths to mount.
    """
    path = _find_path(text, sources)
    if path is None and not _says(text, _UNSHARED):
        return None
    named = f"{path}, which" if path else "a directory that"
    return EngineError(
        f"The engine can't see {named} {image} needs: {short}.", _remedy(text, path, engine)
    )


def is_hidden(path: Path, engine: EngineInfo) -> bool:
    """Return whether `path` is known to be hidden from the engine."""
    return engine.snap and (_has_dot(path) or path.is_relative_to("/tmp"))  # noqa: S108


def _find_path(text: str, sources: Sequence[Path]) -> Path | None:
    if found := _OF_A_MOUNT.search(text):
        return Path(found["path"])
    paths = (Path(found["path"]) for found in _OF_A_PATH.finditer(text))
    # Errors may name directories of the engine itself, too.
    return next((p for p in paths if any(s == p or p in s.parents for s in sources)), None)


def _says(text: str, what: str) -> bool:
    return re.search(what, text, re.IGNORECASE) is not None


def _remedy(text: str, path: Path | None, engine: EngineInfo) -> str:
    if engine.desktop or _says(text, _UNSHARED):
        return (
            "With Docker Desktop share it in Settings, Resources, File sharing, or use a "
            "directory below your home."
        )
    if engine.snap and (path is None or _has_dot(path) or not _says(text, _CLOSED)):
        return (
            "This engine is Docker's snap, which has its own /tmp and can't see directories with a "
            f"leading dot in your home. {_PLACES}, in a plain directory of your home, "
            "or install Docker's own packages (https://docs.docker.com/engine/install)."
        )
    if _says(text, _CLOSED):
        who = "The user of the rootless engine" if engine.rootless else "The engine's root"
        return (
            f"{who} has no permission to enter it, as on NFS with root_squash, on FUSE and in "
            f"private directories. {_PLACES}, on a local disk."
        )
    if _says(text, _BROKEN):
        return f"Its file system fails. {_PLACES}, on a local disk."
    if platform.system() != "Linux":
        return (
            "The engine runs in a virtual machine that doesn't share it: colima and Lima share "
            "only your home (`colima start --mount DIRECTORY:w` adds a directory). "
            f"{_PLACES}, below your home."
        )
    return (
        "The engine runs in another environment: Docker's snap, a virtual machine, or outside of "
        f"the container that uses its socket. {_PLACES}, which both can see, or use "
        "--execution native."
    )


def _has_dot(path: Path) -> bool:
    """Return whether a part of the path begins with a dot, which hides it from a snap."""
    return any(part.startswith(".") for part in path.parts)
