"""The only reader of reports: of this version and harmless, or refused with the reason."""

import codecs
import json
import re
from pathlib import Path

from pydantic import ValidationError

from nobs.errors import InvalidReport
from nobs.schema.report import Report
from nobs.storage.document import Document, read_with_bytes
from nobs.text import to_line

SCHEMA = "nobs.report/1"
MAX_REASONS = 20
_PATH_TRICKS = re.compile(r"^[/\\~]|^[A-Za-z]:[/\\]|(^|[/\\])\.\.([/\\]|$)")


def read_report(file: Path) -> Report:
    """Return the report in `file`; InvalidReport has the reason of a refusal.

    The digest isn't checked: `nobs validate` judges what a report says.
    """
    document, data = read_with_bytes(file)
    check_version(file, document)
    try:
        return to_report(document, data)
    except ValueError as error:
        raise InvalidReport(file, explain(error)[0]) from error


def check_version(file: Path, document: Document) -> None:
    """Refuse other versions, with the remedy for each."""
    found = document.get("schema")
    if found == SCHEMA:
        return
    if found is None and {"device_info", "tasks"} <= document.keys():
        raise InvalidReport(
            file,
            "it is an older report, without a schema",
            f"Make one of this version with `nobs import {file}`.",
        )
    if isinstance(found, str) and re.fullmatch(r"nobs\.report/[0-9]{1,9}", found):
        raise InvalidReport(
            file, f"it has version {found}; this NOBS reads {SCHEMA}", "Update NOBS."
        )
    has = "no schema" if found is None else f"the schema {to_line(str(found))!r}"
    raise InvalidReport(file, f"it has {has} instead of {SCHEMA!r}")


def to_report(document: Document, data: bytes | None = None) -> Report:
    """Return the report that `document` is; ValueError, which `explain` reads, if it is none.

    `data`, from which it was parsed, saves writing it once more.
    """
    text = json.dumps(document) if data is None else data.removeprefix(codecs.BOM_UTF8)
    report = Report.model_validate_json(text, strict=True)
    check_host(report.device_info.host)
    return report


def check_host(host: str) -> None:
    """Raise ValueError for a host name that isn't one safe line or file name."""
    if not host.strip() or not host.isprintable() or _PATH_TRICKS.search(host):
        raise ValueError(f"device_info.host isn't a valid name: {to_line(host)!r}")


def explain(error: ValueError) -> list[str]:
    """Return place and kind of each fault as text that is safe to show."""
    if not isinstance(error, ValidationError):
        return [to_line(str(error))]
    faults = error.errors(include_url=False, include_input=False)[:MAX_REASONS]
    return [f"{_place(fault['loc'])}: {to_line(fault['msg'])}" for fault in faults]


def _place(location: tuple[int | str, ...]) -> str:
    return to_line(".".join(map(str, location))) or "the whole file"
