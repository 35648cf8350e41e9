"""Rulings on reports as lines for people, or as JSON."""

import json
from collections.abc import Sequence
from dataclasses import asdict

from nobs.report.validation import Validation
from nobs.text import to_line

_LIMIT = 1000


def render_validations(found: Sequence[tuple[str, Validation]], *, as_json: bool) -> str:
    """Return the ruling on each file with its reasons."""
    if as_json:
        values = [{"file": file, **asdict(validation)} for file, validation in found]
        return json.dumps(values, indent=2) + "\n"
    return "".join(_describe(to_line(file, _LIMIT), validation) for file, validation in found)


def _describe(file: str, validation: Validation) -> str:
    reasons = validation.faults or validation.differences
    lines = [f"{file}: {validation.ruling}", *(f"  {to_line(each, _LIMIT)}" for each in reasons)]
    return "\n".join(lines) + "\n"
