"""Fuzz targets: whatever a file holds, commands answer with a reason and never break.

Longer than in the suite: `pytest tests/unit/test_fuzz.py --hypothesis-profile long`.
"""

import copy
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nobs.errors import InvalidReport
from nobs.render.html import page_data, to_script
from nobs.render.summary import render_summary
from nobs.render.validation import render_validations
from nobs.report.compare import compare_reports
from nobs.report.leaderboard import arrange, flatten
from nobs.report.legacy.importer import import_report, write_import
from nobs.report.validation import Ruling, validate_document, validate_file
from nobs.storage.document import parse_document
from nobs.storage.files import sha256_of, to_json
from nobs.storage.reader import read_report
from nobs.storage.rundir import safe_name
from tests.fakes.honest_reports import honest_document, sealed

OLD = [
    json.loads((Path(__file__).parents[1] / "legacy" / f"{kind}.json").read_text())
    for kind in ("nobs", "laperf")
]
HONEST = [honest_document(), honest_document(profile="standard")]
texts = st.text(max_size=20) | st.sampled_from(["../x", "\x1b[31m", "nan", "1", "\u202e", "a/1"])
numbers = (
    st.integers(-(10**17), 10**17)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from([0, -1, 1e308, 5e-324, 2**53])
)
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=8,
)


@contextmanager
def written(data: bytes) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "report.json"
        file.write_bytes(data)
        yield file


def places(value: object, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a JSON value."""
    parts: Any = {}
    match value:
        case dict():
            parts = value.items()
        case list():
            parts = enumerate(value)
    for key, part in parts:
        yield (*path, key)
        yield from places(part, (*path, key))


@st.composite
def mutants(draw: st.DrawFn, originals: list[dict[str, Any]]) -> dict[str, Any]:
    """One of the documents with one to three places replaced, removed or added to."""
    document: dict[str, Any] = copy.deepcopy(draw(st.sampled_from(originals)))
    for _ in range(draw(st.integers(1, 3))):
        *path, last = draw(st.sampled_from(list(places(document))))
        parent: Any = document
        for key in path:
            parent = parent[key]
        if draw(st.booleans()):
            parent[last] = draw(values)
        elif isinstance(parent, dict):
            del parent[last]
            parent[draw(texts)] = draw(values)
        else:
            parent.append(draw(values))
    return document


def answer(file: Path) -> None:
    """Show `file` as the commands do; only a refusal may be raised."""
    try:
        report = read_report(file)
    except InvalidReport:
        return
    assert render_summary(report)
    assert to_script(page_data(arrange([flatten(file.name, report)])))
    assert compare_reports(report, report, names=("one", "two"))


@given(st.binary(max_size=200) | values.map(json.dumps).map(str.encode))
@example(b'{"schema": "nobs.report/1"')
@example(b'{"schema": "nobs.report/1", "schema": 1}')
def test_any_bytes_are_refused_with_a_reason(data: bytes) -> None:
    with written(data) as file:
        answer(file)
        found = validate_file(file)
        with pytest.raises(InvalidReport) as caught:
            import_report(file)

    assert found.ruling is Ruling.INVALID
    assert all(found.faults)
    assert "\n" not in str(caught.value)


@given(mutants(HONEST))
def test_a_changed_report_is_answered_and_never_closed_unless_equal(
    document: dict[str, Any],
) -> None:
    found = validate_document(document)

    assert found.ruling is Ruling.INVALID or document in HONEST
    assert render_validations([("a file", found)], as_json=False)
    with written(json.dumps(document).encode()) as file:
        answer(file)


@given(mutants(HONEST))
def test_a_forged_report_with_a_digest_that_fits_is_answered(document: dict[str, Any]) -> None:
    with written(json.dumps(sealed(document)).encode()) as file:
        found = validate_file(file)

    assert found.faults or found.ruling is not Ruling.INVALID


@given(mutants(OLD))
def test_a_changed_older_report_is_imported_as_legacy_or_refused(
    document: dict[str, Any],
) -> None:
    with written(json.dumps(document).encode()) as file:
        try:
            report = import_report(file)
        except InvalidReport:
            return
        target = write_import(report, file.parent / "new")
        found = validate_file(target)

    assert target.parent == file.parent / "new"
    assert (found.ruling, found.faults) == (Ruling.OPEN, ())


@given(values)
def test_json_values_survive_reading(value: object) -> None:
    assert parse_document(json.dumps({"a": value}).encode()) == {"a": value}


@given(st.dictionaries(texts, values, max_size=6), st.randoms(use_true_random=False))
def test_a_digest_does_not_depend_on_the_order_of_keys(value: dict[str, Any], draw: Any) -> None:
    keys = draw.sample(list(value), len(value))

    assert sha256_of({key: value[key] for key in keys}) == sha256_of(value)


@given(st.text(max_size=200))
def test_names_of_files_are_safe_whatever_they_are_made_of(text: str) -> None:
    name = safe_name(text)

    assert 0 < len(name) <= 100
    assert name == Path(name).name
    assert not name.startswith((".", "-"))
    assert name.isascii()
    assert safe_name(name) == name


def test_the_honest_reports_themselves_are_closed_and_survive_writing(tmp_path: Path) -> None:
    for document in HONEST:
        file = tmp_path / "report.json"
        file.write_text(json.dumps(document))

        assert validate_file(file).ruling is Ruling.CLOSED
        assert json.loads(to_json(read_report(file))) == document
