"""The user and the user's files, with the same meaning for NOBS, its libraries and children.

Pods, `docker run --user`, services and nodes without their directory server have user ids without
a name, no HOME, or one where nothing can be written.
"""

import getpass
import os
import re
import stat
import tempfile
from pathlib import Path

from nobs.errors import StorageError, UsageError

PATH_VARIABLES = (
    "TMPDIR", "XDG_CACHE_HOME", "HF_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE",
    "HF_ASSETS_CACHE", "HF_XET_CACHE", "HF_MODULES_CACHE", "HF_TOKEN_PATH", "LLM_API_KEY_FILE",
    "TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR", "DOCKER_CONFIG", "DOCKER_CERT_PATH",
    "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE",
)  # fmt: skip
"""Variables with a path that NOBS or one of its libraries reads."""
CERTIFICATE_VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
"""Each HTTP client reads a different one."""
_NAME = re.compile(r"\$(\w+|\{[^}]*\}|\([^)]*\))", re.ASCII)
"""A variable or a command in shell syntax."""


def user_name() -> str:
    """Return the user's name, or the id of a user without a name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return _user_id()


def home() -> Path | None:
    """Return the home directory, None where neither HOME nor the system names one."""
    named = os.path.expanduser("~")  # noqa: PTH111 - pathlib raises where there is none
    return None if named == "~" else Path(named)


def expand(text: str, named: str) -> Path:
    """Return the path that `text` means, with `~` and `$NAME` replaced as the hub's client does.

    UsageError where the user or the variable is unknown. `named` is the source of the text.
    """
    at_home = os.path.expanduser(text)  # noqa: PTH111 - pathlib raises where there is none
    unknown = [name for name in _NAME.findall(at_home) if name.strip("{}") not in os.environ]
    # The client keeps `$` in the name of an existing path, too.
    if unknown and not (os.path.isabs(at_home) and os.path.exists(at_home)):  # noqa: PTH110, PTH117
        raise _unresolved(text, named, f"${unknown[0]}")
    return _resolved(text, named, os.path.expandvars(at_home))


def expand_home(text: str, named: str) -> Path:
    """Return the path that `text` means on a command line, where a shell has replaced `$NAME`."""
    return _resolved(text, named, os.path.expanduser(text))  # noqa: PTH111 - as above


def _resolved(text: str, named: str, path: str) -> Path:
    if path.startswith("~"):
        raise _unresolved(text, named, path.partition("/")[0])
    if path != text and is_temporary(Path(path)):
        raise _unresolved(text, named, "the home directory")
    return Path(path)


def _unresolved(text: str, named: str, what: str) -> UsageError:
    return UsageError(
        f"{named} is {text!r}, but {what} is unknown here.",
        "Write the whole path, or set HOME and the variables in it.",
    )


def cache_home() -> Path:
    """Return the directory of the user's caches."""
    if named := os.environ.get("XDG_CACHE_HOME"):
        return expand(named, "XDG_CACHE_HOME")
    return (home() or _replacement()) / ".cache"


def is_temporary(directory: Path) -> bool:
    """Return whether `directory` is in the replacement for a missing home directory."""
    return directory.is_relative_to(_replacement_path())


def normalise_environment() -> None:
    """Resolve user, home, paths and certificates in the environment.

    Libraries and child processes then read the same: torch asks for the user's name, triton for
    the home directory, and each would make a directory called `~` where there is none.
    """
    if os.environ.get("HOME") == "":
        del os.environ["HOME"]
    for name in PATH_VARIABLES:
        if value := os.environ.get(name):
            os.environ[name] = str(expand(value, name))
        else:
            os.environ.pop(name, None)
    tempfile.tempdir = None  # Looked up with TMPDIR as it was.
    # As in the images: a torch.py or random.py in the working directory must not be imported.
    os.environ["PYTHONSAFEPATH"] = "1"
    _normalise_certificates()
    _normalise_user()


def certificates() -> Path | None:
    """Return the file of certificates that the environment names, None if it names none."""
    given = (os.environ.get(name, "") for name in CERTIFICATE_VARIABLES)
    return next((Path(file) for file in given if os.path.isfile(file)), None)  # noqa: PTH113 - never raises


def _normalise_certificates() -> None:
    """Use the certificates of one HTTP client for all of them."""
    if file := certificates():
        for name in CERTIFICATE_VARIABLES:
            os.environ.setdefault(name, str(file))


def _normalise_user() -> None:
    if os.name == "nt":
        return
    if not any(os.environ.get(name) for name in ("LOGNAME", "USER", "LNAME", "USERNAME")):
        os.environ["USER"] = os.environ["LOGNAME"] = user_name()
    place = home()
    if place is None:
        os.environ["HOME"] = str(_replacement())
    elif not _can_write(place / ".cache"):
        _cache_elsewhere(place / ".cache")


def _cache_elsewhere(cache: Path) -> None:
    """Write caches to the replacement; weights in the read-only cache are still read."""
    weights = cache / "huggingface"
    if "XDG_CACHE_HOME" not in os.environ and os.access(weights, os.R_OK | os.X_OK):
        os.environ.setdefault("HF_HOME", str(weights))
    replacement = _replacement()
    os.environ.setdefault("XDG_CACHE_HOME", str(replacement / ".cache"))
    os.environ.setdefault("TRITON_CACHE_DIR", str(replacement / ".triton"))


def _can_write(directory: Path) -> bool:
    """Return whether `directory`, or the one it would be created in, is writable."""
    place = next(each for each in (directory, *directory.parents) if os.path.exists(each))  # noqa: PTH110 - never raises
    return os.access(place, os.W_OK | os.X_OK)


def _replacement() -> Path:
    """Return a private replacement for a home; StorageError if it is another user's.

    Its path must be the same in the next run, which needs the same weights.
    """
    path = _replacement_path()
    try:
        path.mkdir(mode=0o700, exist_ok=True)
        found = path.lstat()
    except OSError as error:
        raise StorageError(
            f"There is no writable home directory, and {path} can't be created: "
            f"{error.strerror or error}.",
            "Set HOME to a directory of your own.",
        ) from error
    mine = os.name == "nt" or found.st_uid == os.getuid()
    if not (mine and stat.S_ISDIR(found.st_mode)):
        raise StorageError(
            f"There is no writable home directory, and its replacement {path} is another user's.",
            "Set HOME to a directory of your own.",
        )
    return path


def _replacement_path() -> Path:
    # By number: two users may share a name.
    return Path(tempfile.gettempdir()) / f"nobs-home-{_user_id()}"


def _user_id() -> str:
    return str(os.getuid()) if hasattr(os, "getuid") else "unknown"
