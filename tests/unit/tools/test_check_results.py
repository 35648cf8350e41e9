"""What CI does with contributed reports, with the real script."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from nobs.storage.store import publish
from tests.fakes.honest_reports import honest_report

REPO = Path(__file__).resolve().parents[3]


def check_results(results: Path, site: Path) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["tools/check_results.sh", results, site],
        cwd=REPO, env=os.environ | {"PATH": path}, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_without_reports_there_is_nothing_to_do(tmp_path: Path) -> None:
    done = check_results(tmp_path, tmp_path / "site")

    assert (done.returncode, (tmp_path / "site").exists()) == (0, False)
    assert "nothing to validate" in done.stdout


@pytest.mark.long
def test_valid_reports_are_rendered(tmp_path: Path) -> None:
    report = honest_report()
    publish(tmp_path, report)
    done = check_results(tmp_path, tmp_path / "site")

    assert done.returncode == 0, done.stdout
    assert report.device_info.host in (tmp_path / "site" / "index.html").read_text()


def test_an_edited_report_fails_with_the_reason(tmp_path: Path) -> None:
    report = honest_report()
    file = publish(tmp_path, report)
    file.write_text(file.read_text().replace(report.device_info.processor, "A faster one"))
    done = check_results(tmp_path, tmp_path / "site")

    assert done.returncode == 1
    assert "digest" in done.stdout
    assert not (tmp_path / "site").exists()


@pytest.mark.long
def test_the_repository_holds_valid_reports_only(tmp_path: Path) -> None:
    tracked = subprocess.run(
        ["git", "ls-files", "results/report_*.json"], cwd=REPO, capture_output=True, text=True,
        check=True,
    ).stdout.splitlines()  # fmt: skip
    for name in tracked:
        (tmp_path / Path(name).name).write_bytes((REPO / name).read_bytes())

    assert check_results(tmp_path, tmp_path / "site").returncode == 0
