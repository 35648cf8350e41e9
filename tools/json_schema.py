"""Writes docs/reference/report-1.schema.json from the code: `python -m tools.json_schema`."""

import json
from itertools import chain
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from nobs.report.legacy.report import LegacyModelReport
from nobs.schema.report import ModelReport, Report
from tools.records import docstrings_of, report_types, walk

PAGE = Path(__file__).resolve().parent.parent / "docs" / "reference" / "report-1.schema.json"
LEGACY = {"properties": {"division": {"const": "legacy"}}, "required": ["division"]}
NOT_LEGACY = {"not": LEGACY}


def page() -> str:
    """Return the whole schema as indented JSON."""
    return json.dumps(schema(), indent=2, sort_keys=True) + "\n"


def schema() -> dict[str, Any]:
    """Return the JSON Schema of a report with the figures of the built-in tasks."""
    ours = report_types()
    roots = (Report, LegacyModelReport, *ours.values())
    found = chain.from_iterable(walk(root, "") for root in roots)
    kinds = {kind for kind in found if issubclass(kind, BaseModel)}
    names, combined = models_json_schema(
        [(kind, "validation") for kind in sorted(kinds, key=lambda kind: kind.__name__)],
        by_alias=True,
    )
    definitions = combined["$defs"]
    for (kind, _), reference in names.items():
        _add_descriptions(definitions[reference["$ref"].rpartition("/")[2]]["properties"], kind)
    definitions["TaskReport"]["allOf"] = [
        _figures_of({"task": {"const": name}, "workload": NOT_LEGACY}, kind)
        for name, kind in sorted(ours.items())
    ] + [_figures_of({"workload": LEGACY}, LegacyModelReport)]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:nobs:report:1",
        "title": "nobs.report/1",
        "description": "The report of one run of NOBS; docs/reference/report.md explains it.",
        "$ref": "#/$defs/Report",
        "$defs": definitions,
    }


def _add_descriptions(properties: dict[str, Any], kind: type[BaseModel]) -> None:
    texts = docstrings_of(kind)
    for name, field in kind.model_fields.items():
        if name in texts:
            properties[field.alias or name]["description"] = texts[name]


def _figures_of(properties: dict[str, Any], kind: type[ModelReport]) -> dict[str, Any]:
    """Return the rule that models of a task with these properties are of `kind`."""
    models = {"additionalProperties": {"$ref": f"#/$defs/{kind.__name__}"}}
    return {
        "if": {"properties": properties, "required": list(properties)},
        "then": {"properties": {"models": models}},
    }


def main() -> None:
    """Write the schema."""
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
