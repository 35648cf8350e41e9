"""What a run may leave on a machine, seen from outside: processes, mounts, files, containers."""

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import docker
import psutil

from tests.fakes.rounds import await_, left_files

GONE_IN_S = 60.0


@dataclass(frozen=True, kw_only=True)
class Traces:
    """What is there at one moment; `containers` and `volumes` only where an engine is given."""

    processes: frozenset[str] = frozenset()
    mounts: frozenset[str] = frozenset()
    files: frozenset[str] = frozenset()
    containers: frozenset[str] = frozenset()
    volumes: frozenset[str] = frozenset()

    def beyond(self, before: "Traces") -> dict[str, list[str]]:
        """Return, kind by kind, what has come since `before`."""
        came = {kind: now - getattr(before, kind) for kind, now in vars(self).items()}
        return {kind: sorted(names) for kind, names in came.items() if names}


@contextmanager
def nothing_left(home: Path, engine: str | None = None) -> Iterator[None]:
    """Fail if anything of the runs below `home` is left a moment after the block."""
    before = find_traces(home, engine)
    yield
    with suppress(AssertionError):
        await_(lambda: not find_traces(home, engine).beyond(before), GONE_IN_S)
    left = find_traces(home, engine).beyond(before)
    assert left == {}, left


def find_traces(home: Path, engine: str | None = None) -> Traces:
    """Look at the machine, and at the engine of that address if one is given."""
    if engine is None:
        return Traces(
            processes=_processes(home), mounts=_mounts(str(home)), files=frozenset(left_files(home))
        )
    with closing(docker.DockerClient(base_url=engine, timeout=60)) as client:
        return Traces(
            processes=_processes(home),
            mounts=_mounts(str(home), client.info()["DockerRootDir"]),
            files=frozenset(left_files(home)),
            containers=frozenset(container["Id"] for container in client.api.containers(all=True)),
            volumes=frozenset(volume.name for volume in client.volumes.list()),
        )


def _processes(home: Path) -> frozenset[str]:
    """Return the processes that work in `home`, as every one of a run and of its steps does."""
    found = set()
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.pid != os.getpid() and Path(process.cwd()).is_relative_to(home):
                found.add(f"{process.pid} {' '.join(process.cmdline())}")
    return frozenset(found)


def _mounts(*places: str) -> frozenset[str]:
    table = Path("/proc/self/mountinfo")
    lines = table.read_text().splitlines() if table.exists() else []
    points = (line.split()[4] for line in lines)
    return frozenset(point for point in points if point.startswith(places))
