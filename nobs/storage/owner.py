"""Who owns a run, whether that process is alive, and files that must not outlive it."""

import hashlib
import os
import platform
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

import psutil

from nobs.schema.state import Owner
from nobs.user import user_name

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_SCRATCH = "nobs-scratch"
_PRIVATE = 0o600


@cache
def this_owner() -> Owner:
    """Return what distinguishes this process from every other one."""
    pid = os.getpid()
    started = _started_of(pid)
    if started is None:
        raise RuntimeError("this process doesn't see itself")
    return Owner(user=user_name(), host=platform.node(), pid=pid, started=started)


def _started_of(pid: int) -> str | None:
    """Return when a living process started, None if there is none.

    Linux counts ticks since the boot, which setting the clock doesn't change; a fresh id names the
    boot. Elsewhere it is the system's time.
    """
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        if not psutil.LINUX:
            return str(process.create_time())
        ticks = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
        return f"{_BOOT_ID.read_text().strip()[:8]}-{ticks}"
    except (psutil.NoSuchProcess, OSError):
        return None


def is_alive(owner: Owner) -> bool:
    """Return whether the process still runs; one of another machine or user counts as alive."""
    return is_elsewhere(owner) or _started_of(owner.pid) == owner.started


def is_elsewhere(owner: Owner) -> bool:
    """Return whether the process is of another machine or user: its id means nothing here."""
    here = this_owner()
    return (owner.user, owner.host) != (here.user, here.host)


@contextmanager
def scratch_directory(parent: Path) -> Iterator[Path]:
    """Create a directory for secret files and remove it; the next run sweeps leftovers of a kill.

    It is in `parent`, which the engine can see, or, if that file system has no permissions, among
    the temporary files.
    """
    owner = this_owner()
    prefix = f"{_SCRATCH}-{_machine()}-{owner.pid}-{owner.started}-"
    place = parent if _keeps_permissions(parent) else None
    with tempfile.TemporaryDirectory(
        prefix=prefix, dir=place, ignore_cleanup_errors=True
    ) as directory:
        # An engine whose root has no rights here, as on NFS, must reach the file that it mounts.
        Path(directory).chmod(0o711)
        yield Path(directory)


def _keeps_permissions(directory: Path) -> bool:
    with suppress(OSError), tempfile.NamedTemporaryFile(dir=directory) as file:
        return stat.S_IMODE(Path(file.name).stat().st_mode) == _PRIVATE
    return False


def sweep_scratch(parent: Path) -> list[Path]:
    """Remove and return what this user's dead processes left in `parent` and temporary files.

    `parent` may be on a shared disk: what processes of other machines use stays.
    """
    swept = []
    places = dict.fromkeys((Path(tempfile.gettempdir()), parent))
    for path in (path for place in places for path in place.glob(f"{_SCRATCH}-*")):
        with suppress(OSError, ValueError):
            _, _, machine, pid, started = path.name.rsplit("-", 1)[0].split("-", 4)
            is_mine = machine == _machine() and _is_mine(path)
            if is_mine and _started_of(int(pid)) != started:
                shutil.rmtree(path)
                swept.append(path)
    return swept


def _machine() -> str:
    """Return this machine's mark: the ids of processes mean nothing on other ones."""
    return hashlib.sha256(this_owner().host.encode()).hexdigest()[:8]


def _is_mine(path: Path) -> bool:
    return os.name == "nt" or path.lstat().st_uid == os.getuid()
