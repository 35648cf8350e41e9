"""Validate a report: closed, open with the differing fields, or invalid with all reasons."""

import json
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

from pydantic import TypeAdapter

from nobs.errors import InvalidReport
from nobs.report.reading import definition_of
from nobs.report.validation.consistency import find_contradictions
from nobs.report.validation.figures import find_wrong_figures
from nobs.report.validation.pins import compare_pins
from nobs.report.validation.together import find_wrong_sums
from nobs.schema.enums import Division
from nobs.schema.report import ModelReport, Report
from nobs.storage.document import Document, read_document
from nobs.storage.files import digest_of
from nobs.storage.reader import check_version, explain, to_report


class Ruling(StrEnum):
    """Result of a validation."""

    CLOSED = "closed"
    OPEN = "open"
    INVALID = "invalid"


@dataclass(frozen=True, kw_only=True)
class Validation:
    """A ruling with all its reasons."""

    ruling: Ruling
    faults: tuple[str, ...] = ()
    """Why it is invalid."""
    differences: tuple[str, ...] = ()
    """Why it isn't closed."""


def validate_file(file: Path) -> Validation:
    """Rule on the report in `file`."""
    try:
        document = read_document(file)
        check_version(file, document)
    except InvalidReport as error:
        return Validation(ruling=Ruling.INVALID, faults=(f"{error.reason}. {error.remedy}",))
    return validate_document(document)


def validate_document(document: Document) -> Validation:
    """Rule on a report of this version."""
    faults = _digest_faults(document)
    try:
        report = _typed(document)
    except ValueError as error:
        return Validation(ruling=Ruling.INVALID, faults=(*faults, *explain(error)))
    pins = compare_pins(report)
    faults += [*find_contradictions(report), *find_wrong_figures(report), *pins.faults]
    faults += find_wrong_sums(report)
    differences = tuple(dict.fromkeys(pins.differences))
    return Validation(
        ruling=_rule(report, faults, differences), faults=tuple(faults), differences=differences
    )


def _rule(report: Report, faults: list[str], differences: tuple[str, ...]) -> Ruling:
    if faults:
        return Ruling.INVALID
    closed = all(task.workload.division is Division.CLOSED for task in report.tasks)
    return Ruling.CLOSED if closed and not differences else Ruling.OPEN


def _digest_faults(document: Document) -> list[str]:
    found = digest_of(document)
    if document.get("digest") == found:
        return []
    return [f"digest: it doesn't match the content, whose sha256 is {found}"]


def _typed(document: Document) -> Report:
    """Return the report with every model in the class of its task; ValueError if it is none."""
    report = to_report(document)
    tasks = []
    for task, raw in zip(report.tasks, document["tasks"], strict=True):
        kind = definition_of(task.task, task.workload.division).report_type
        models = _by_name(kind).validate_json(json.dumps(raw["models"]), strict=True)
        tasks.append(task.model_copy(update={"models": models}))
    return report.model_copy(update={"tasks": tuple(tasks)})


@cache
def _by_name(kind: type[ModelReport]) -> TypeAdapter[dict[str, ModelReport]]:
    return TypeAdapter(dict[str, kind])  # type: ignore[valid-type]
