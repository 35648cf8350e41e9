"""The results directory: runs, and the latest report of each host."""

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from nobs.errors import StorageError, UsageError
from nobs.schema.device import DeviceRef
from nobs.schema.report import Report
from nobs.storage.files import storage_error, to_json, write_atomic
from nobs.storage.rundir import RunDir, safe_name
from nobs.system.host import free_disk_bytes

MIN_FREE_BYTES = 64 << 20
ABANDONED_S = 3600.0
"""Age from which a half-written report is a leftover: publishing takes less than a second."""
FOLLOW_TICK_S = 0.2
REMEDY = "Name a writable directory with --results, or repair its permissions."


def prepare_results(results: Path, free_bytes: int | None = None) -> None:
    """Create `results/runs` and check that it is writable; StorageError if not.

    `free_bytes` replaces the value of the file system.
    """
    runs = results / "runs"
    free = free_disk_bytes(runs) if free_bytes is None else free_bytes
    if free is not None and free < MIN_FREE_BYTES:
        raise StorageError(
            f"Only {free >> 20} MiB are free in {runs}; a run needs {MIN_FREE_BYTES >> 20} MiB.",
            "Free some space, or name another directory with --results.",
        )
    try:
        runs.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=runs) as file:
            _sweep_reports(results, os.fstat(file.fileno()).st_mtime)
    except NotADirectoryError as error:
        where = "is" if results.exists() else "is below"
        raise StorageError(
            f"The results path {results} {where} a file.", "Name a directory instead."
        ) from error
    except OSError as error:
        raise StorageError(f"Can't write in {runs}: {error.strerror}.", REMEDY) from error


def _sweep_reports(results: Path, now: float) -> None:
    """Remove unfinished reports of killed processes.

    On a shared disk the writer may be a process of another machine, so only their age counts, and
    `now` is the time of the file system.
    """
    for file in results.glob(".report_*.json.*.*"):
        with suppress(FileNotFoundError):
            if now - file.stat().st_mtime > ABANDONED_S:
                file.unlink()


def make_run_dir(results: Path, run_id: str) -> RunDir:
    """Create the directory of a new run; it must not exist yet."""
    run_dir = RunDir((results / "runs" / run_id).absolute())
    try:
        run_dir.path.mkdir(mode=0o755)
        (run_dir.path / "steps").mkdir()
    except OSError as error:
        raise StorageError(f"Can't create {run_dir.path}: {error.strerror}.", REMEDY) from error
    return run_dir


def find_run(results: Path, run_id: str) -> RunDir:
    """Return the directory of an earlier run; UsageError if there is none."""
    run_dir = RunDir((results / "runs" / safe_name(run_id)).absolute())
    if run_dir.path.name != run_id or not run_dir.spec_file.is_file():
        raise UsageError(
            f"There is no run {run_id!r} in {results / 'runs'}.",
            "Name a directory in it, and the results directory with --results.",
        )
    if (found := run_dir.read_spec().run_id) != run_id:
        raise UsageError(f"{run_dir.path} has the run {found!r}.", "Rename the directory back.")
    return run_dir


def report_path(
    results: Path, host: str, node: str | None = None, device: DeviceRef | None = None
) -> Path:
    """Return the file of the latest report of `host`, or of its `node` among machines of a model.

    Each chosen `device` has a file of its own. No host's name has an @ or a =, so that no two
    machines or devices share a file.
    """
    of_node = f"@{safe_name(node)}" if node else ""
    of_device = f"={safe_name(device.name)}" if device else ""
    return results / f"report_{safe_name(host)}{of_node}{of_device}.json"


def path_of(results: Path, report: Report) -> Path:
    """Return the file of `report` as the latest one of its host, node and device."""
    run = report.run
    path = report_path(results, report.device_info.host, run.node, run.device)
    kind = "=at-once" if run.together else ""
    if run.share:
        kind = f"=share-{run.share.index}-of-{run.share.count}"
    return path.with_name(f"{path.stem}{'=merged' if run.merged else kind}.json")


def publish(results: Path, report: Report) -> Path:
    """Make `report` the latest one of its host, node and device."""
    path = path_of(results, report)
    write_atomic(path, to_json(report))
    return path


def find_reports(results: Path) -> list[Path]:
    """Return the latest report of each host in `results`; StorageError if there is none."""
    found = sorted(results.glob("report_*.json"))
    if not found:
        raise StorageError(
            f"There is no report_*.json in {results}.",
            "Make one with `nobs run`, or name a directory with --results.",
        )
    return found


def follow_lines(file: Path, is_over: Callable[[], bool], offset: int = 0) -> Iterator[str]:
    """Yield whole lines after `offset` bytes as they are written, until `is_over` and no more."""
    rest = b""
    over = False
    while not over:
        over = is_over()
        if file.exists():
            with file.open("rb") as stream:
                stream.seek(offset)
                for line in stream:
                    offset += len(line)
                    rest += line
                    if rest.endswith(b"\n"):
                        yield rest.decode("utf-8", "replace").rstrip("\r\n")
                        rest = b""
        if not over:
            time.sleep(FOLLOW_TICK_S)
    if rest:
        yield rest.decode("utf-8", "replace")


def append_line(file: Path, line: str) -> None:
    """Append a complete line in one write, so that lines of several writers never mix.

    StorageError if it can't be written.
    """
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            os.write(descriptor, line.encode())
        finally:
            os.close(descriptor)
    except OSError as error:
        raise storage_error(file, error) from error
