"""Read older reports and write imported ones without overwriting other files."""

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path

from nobs.errors import InvalidReport, StorageError
from nobs.report.legacy.conversion import convert, describe_origin
from nobs.report.legacy.sources import OldReport
from nobs.schema.report import Report
from nobs.storage.document import read_with_bytes
from nobs.storage.files import to_json, write_atomic
from nobs.storage.reader import check_host, explain, read_report
from nobs.storage.rundir import make_parent, safe_name


def import_report(file: Path) -> Report:
    """Return the older report in `file` in this schema; InvalidReport if it isn't one."""
    document, data = read_with_bytes(file)
    file_sha256 = hashlib.sha256(data).hexdigest()
    if "schema" in document:
        raise InvalidReport(
            file, "it has a schema, so it isn't an older report", "It needs no import."
        )
    try:
        old = OldReport.model_validate_json(json.dumps(document), strict=True)
        check_host(old.device_info.host)
        return convert(old, describe_origin(old, file.name, file_sha256), datetime.now(UTC))
    except ValueError as error:
        raise InvalidReport(file, explain(error)[0]) from error


def write_import(report: Report, directory: Path) -> Path:
    """Write `report` into `directory`, named after its host and origin; return the file.

    An earlier import of the same report is replaced, anything else of that name stays.
    """
    file = directory / f"report_{safe_name(report.device_info.host)}_{report.run.id}.json"
    if file.exists() and not _is_import_of(file, report):
        raise StorageError(
            f"{file} exists and isn't an import of the same report.",
            "Move the file, or choose another directory with --output.",
        )
    make_parent(file)
    write_atomic(file, to_json(report))
    return file


def _is_import_of(file: Path, report: Report) -> bool:
    try:
        found = read_report(file).origin
    except InvalidReport:
        return False
    return bool(found and report.origin and found.file_sha256 == report.origin.file_sha256)
