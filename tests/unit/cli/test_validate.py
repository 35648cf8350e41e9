"""`nobs validate` as people and programs call it."""

import json
import subprocess
from pathlib import Path

from nobs.storage.files import to_json
from tests.fakes.command import run_nobs
from tests.fakes.forked import REPO
from tests.fakes.honest_reports import honest_report


def validate(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return run_nobs("validate", *map(str, arguments), cwd=REPO)


def write(file: Path, text: str) -> Path:
    file.write_text(text, encoding="utf-8")
    return file


def test_closed_and_open_reports_are_told_and_fine(tmp_path: Path) -> None:
    closed = write(tmp_path / "closed.json", to_json(honest_report()))
    opened = write(tmp_path / "open.json", to_json(honest_report(batch_size=8)))
    done = validate(closed, opened)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        f"{closed}: closed\n"
        f"{opened}: open\n"
        "  embeddings-quick/1: params.batch_size: 8 instead of 16\n"
    )


def test_an_invalid_report_among_good_ones_is_exit_code_1(tmp_path: Path) -> None:
    text = to_json(honest_report())
    closed = write(tmp_path / "closed.json", text)
    forged = write(tmp_path / "forged.json", text.replace('"batch_size": 16', '"batch_size": 8'))
    done = validate(forged, closed)

    assert done.returncode == 1
    assert f"{forged}: invalid\n  digest: it doesn't match" in done.stdout
    assert f"{closed}: closed\n" in done.stdout


def test_json_holds_ruling_and_reasons(tmp_path: Path) -> None:
    file = write(tmp_path / "cut.json", to_json(honest_report())[:500])
    done = validate("--json", file)
    (found,) = json.loads(done.stdout)

    assert (done.returncode, found["file"], found["ruling"]) == (1, str(file), "invalid")
    assert "truncated" in found["faults"][0]


def test_a_report_of_another_version_is_refused_with_the_remedy(tmp_path: Path) -> None:
    text = to_json(honest_report())
    later = write(tmp_path / "later.json", text.replace("nobs.report/1", "nobs.report/2"))
    older = write(tmp_path / "older.json", '{"device_info": {}, "tasks": []}')
    done = validate(later, older)

    assert done.returncode == 1
    assert "this NOBS reads nobs.report/1. Update NOBS." in done.stdout
    assert f"without a schema. Make one of this version with `nobs import {older}`." in done.stdout


def test_no_file_and_an_absent_file_are_usage(tmp_path: Path) -> None:
    assert validate().returncode == 2
    done = validate(tmp_path / "none.json")
    assert (done.returncode, done.stdout) == (2, "")
    assert "none.json" in done.stderr
