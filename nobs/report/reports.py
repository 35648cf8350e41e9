"""Every report of files and results directories, each once."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from nobs.errors import InvalidReport, StorageError
from nobs.schema.report import Report
from nobs.storage.reader import read_report
from nobs.text import to_line

MAX_REASON = 1000


def read_reports(sources: Iterable[Path]) -> tuple[list[Report], list[str]]:
    """Return the reports, and why others were skipped; raise the first error if none can be read.

    The latest report of a run counts: a directory holds it in its root and in `runs`.
    """
    found: dict[str, Report] = {}
    errors = []
    for file in (file for source in sources for file in find_files(source)):
        try:
            report = read_report(file)
        except InvalidReport as error:
            errors.append(error)
            continue
        before = found.get(report.run.id)
        if before is None or before.timestamp < report.timestamp:
            found[report.run.id] = report
    if errors and not found:
        raise errors[0]
    if not found:
        raise StorageError("There is no report.", "Make one with `nobs run`, or name others.")
    return list(found.values()), [to_line(error, MAX_REASON) for error in errors]


def find_files(source: Path) -> Iterator[Path]:
    """Yield `source`, or the reports of the results directory that it is."""
    if not source.is_dir():
        yield source
        return
    yield from sorted(source.glob("report_*.json"))
    yield from sorted(source.glob("runs/*/report.json"))
