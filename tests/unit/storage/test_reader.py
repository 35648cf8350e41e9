"""Reports from anywhere: read, or refused with the reason, quickly and in bounded memory."""

import json
import os
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nobs.errors import InvalidReport
from nobs.report.build import build_report
from nobs.schema.report import Report
from nobs.storage.document import MAX_BYTES, MAX_DEPTH, MAX_VALUES, parse_document
from nobs.storage.files import to_json
from nobs.storage.reader import read_report
from tests.fakes.results import make_spec, ok, results_of

type Change = Callable[[dict[str, Any]], object]


def make_report() -> Report:
    spec = make_spec()
    steps = [ok(step.id, step.model.id, 2.0, 4.0, 3.0) for step in spec.steps]
    return build_report(spec, results_of(spec, *steps), finished=True)


def refuse(file: Path, data: bytes, *, size: int | None = None) -> InvalidReport:
    """Read `data` as a report and return the refusal, having checked its cost."""
    file.write_bytes(data)
    if size is not None:
        os.truncate(file, size)
    start = time.process_time()
    tracemalloc.start()
    with pytest.raises(InvalidReport) as caught:
        read_report(file)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 256 << 20
    assert time.process_time() - start < 20
    assert caught.value.message.startswith(str(file))
    assert "\n" not in str(caught.value)
    return caught.value


def changed(change: Change) -> bytes:
    document = json.loads(to_json(make_report()))
    change(document)
    return json.dumps(document).encode()


def test_a_report_of_ours_is_read_as_it_was_written(tmp_path: Path) -> None:
    report = make_report()
    file = tmp_path / "report.json"
    file.write_text(to_json(report))

    assert to_json(read_report(file)) == to_json(report)
    assert list(read_report(file).tasks[0].models) == list(report.tasks[0].models)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "truncated"),
        (b'{"schema": "nobs.report/1", "tasks": [', "truncated"),
        (b"[]", "not an object"),
        (b"12", "not an object"),
        (b"\xff\xfe{\x00}\x00", "isn't UTF-8"),
        (b'{"a": NaN}', "NaN isn't a JSON number"),
        (b'{"a": -Infinity}', "-Infinity isn't a JSON number"),
        (b'{"a": 1e400}', "1e400 is out of range"),
        (b'{"a": 1e-400}', "no double holds"),
        (b'{"a": 0.30000000000000003}', "no double holds"),
        (b'{"a": ' + b"9" * 5000 + b"}", "out of range"),
        (b'{"a": 0.' + b"1" * 5000 + b"}", "out of range"),
        (b'{"a": "\\ud800"}', "surrogate"),
        (b'{"\\udfff": 1}', "surrogate"),
        (b'{"a": {"b": 1, "c": 2, "b": 3}}', "'b' twice"),
        (b'{"a": ' + b"[" * 400 + b"]" * 400 + b"}", "deeper than 32"),
        (b'{"a": ' * 300_000, "deeper than 32"),
        (b"[" * MAX_BYTES, "more than 400,000 values"),
        (b'{"a": [' + b"{}," * (MAX_BYTES // 3 - 3), "more than 400,000 values"),
        (b"{}", "no schema instead of"),
        (b'{"schema": 1}', "the schema '1'"),
        (b'{"schema": "nobs.spec/1"}', "the schema 'nobs.spec/1'"),
        (b'{"schema": "\\u001b[31mred"}', "\ufffd[31mred"),
        (b'{"schema": "nobs.report/1"}', "timestamp: Field required"),
    ],
    ids=range(24),
)
def test_what_is_no_report_is_refused(tmp_path: Path, data: bytes, reason: str) -> None:
    assert reason in str(refuse(tmp_path / "report.json", data))


@pytest.mark.parametrize("size", [100 << 20, 1 << 40])
def test_a_huge_file_is_refused_before_it_is_read(tmp_path: Path, size: int) -> None:
    assert "larger than 8 MiB" in refuse(tmp_path / "report.json", b'{"a": "', size=size).reason


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda r: r["device_info"].update(ram_gb="15.5"), "device_info.ram_gb"),
        (lambda r: r["device_info"].update(ram_gb=True), "device_info.ram_gb"),
        (lambda r: r.update(tasks={}), "tasks"),
        (lambda r: r.update(timestamp="yesterday"), "timestamp"),
        (lambda r: r.update(timestamp="2026-01-02T03:04:05"), "timezone"),
        (lambda r: r["tasks"][0].update(models=[]), "tasks.0.models"),
        (lambda r: r["run"].update(surprise=1), "run.surprise"),
        (lambda r: r["run"].update(backend="An abacus"), "run.backend"),
    ],
    ids=range(8),
)
def test_wrong_types_are_refused_with_their_place(
    tmp_path: Path, change: Change, reason: str
) -> None:
    assert reason in refuse(tmp_path / "report.json", changed(change)).reason


@pytest.mark.parametrize(
    "host",
    ["../../etc/passwd", "a/../b", "/etc/passwd", "~root", "..", "C:\\x", "..\\x", "", "a\x00b",
     "a\nb", "\x1b[2J"],
)  # fmt: skip
def test_a_host_that_leads_elsewhere_is_refused(tmp_path: Path, host: str) -> None:
    data = changed(lambda r: r["device_info"].update(host=host))

    assert "device_info.host" in refuse(tmp_path / "report.json", data).reason


@pytest.mark.parametrize("host", ["Mac16,6", "To Be Filled By O.E.M...", "PowerEdge R750/0XYZ"])
def test_names_of_real_machines_are_read(tmp_path: Path, host: str) -> None:
    file = tmp_path / "report.json"
    file.write_bytes(changed(lambda r: r["device_info"].update(host=host)))

    assert read_report(file).device_info.host == host


def test_a_later_version_asks_for_a_later_nobs(tmp_path: Path) -> None:
    error = refuse(tmp_path / "report.json", b'{"schema": "nobs.report/2", "new": [1]}')

    assert "nobs.report/2; this NOBS reads nobs.report/1" in error.reason
    assert error.remedy == "Update NOBS."


def test_an_older_report_names_the_command_that_reads_it(tmp_path: Path) -> None:
    error = refuse(tmp_path / "old.json", b'{"timestamp": "x", "device_info": {}, "tasks": []}')

    assert f"nobs import {tmp_path / 'old.json'}" in error.remedy


def test_what_is_no_regular_file_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path / "fifo", tmp_path, Path("/dev/zero")):
        with pytest.raises(InvalidReport, match="isn't a regular file"):
            read_report(path)


def test_an_absent_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidReport, match=r"can't be read: No such file.*Name a readable file"):
        read_report(tmp_path / "none.json")


def test_the_deepest_allowed_nesting_is_read() -> None:
    inner = MAX_DEPTH - 1

    assert parse_document(b'{"a":' + b"[" * (inner - 1) + b"]" * (inner - 1) + b"}")


@pytest.mark.long
def test_the_most_values_allowed_are_read_in_bounded_memory() -> None:
    tracemalloc.start()
    document = parse_document(b'{"a":[{}' + b",{}" * (MAX_VALUES // 2 - 2) + b"]}")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert len(document["a"]) == MAX_VALUES // 2 - 1
    assert peak < 128 << 20


def test_numbers_may_be_written_in_other_ways_than_ours() -> None:
    assert parse_document(b'{"a": [1.50, 1E2, 0e9, -0.0, 1e-7]}') == {
        "a": [1.5, 100.0, 0.0, 0.0, 1e-7]
    }


@pytest.mark.parametrize(
    "value",
    ['{"a":1,"a":1}', "1.0000000000000000001", "1e999", "1e-999", "9" * 20, "NaN", '"\\ud800"'],
)
def test_what_is_refused_is_refused_in_the_text_that_nobs_writes_too(value: str) -> None:
    text = f'{{\n  "a": {value}\n}}\n'.encode()

    with pytest.raises(ValueError, match=r"twice|no double|out of range|JSON number|surrogate"):
        parse_document(text)
