import json
import subprocess
from pathlib import Path

import click
import pytest

from nobs.cli.compare import command
from nobs.render.comparison import FORMATS
from nobs.schema.report import Report
from tests.fakes.command import run_nobs
from tests.fakes.forked import REPO
from tests.fakes.reports import make_report


def nobs_compare(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return run_nobs("compare", *map(str, arguments), cwd=REPO)


def write(file: Path, report: Report) -> Path:
    file.write_text(report.model_dump_json(by_alias=True))
    return file


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path, Path]:
    return (
        write(tmp_path / "a.json", make_report()),
        write(tmp_path / "b.json", make_report(speed=0.5, seed=1)),
        write(tmp_path / "c.json", make_report(division="open")),
    )


def test_several_reports_are_compared_with_the_first(files: tuple[Path, Path, Path]) -> None:
    baseline, slow, _ = files
    done = nobs_compare(baseline, slow, baseline, "--json")
    found = json.loads(done.stdout)["comparisons"]

    assert done.returncode == 0
    assert [each["other"] for each in found] == [str(slow), str(baseline)]
    assert [each["mean"]["finding"] for each in found] == ["slower", "no significant difference"]


@pytest.mark.parametrize(("threshold", "code"), [("0.95", 1), ("0.4", 0)])
def test_a_slower_report_fails_where_asked(
    files: tuple[Path, Path, Path], threshold: str, code: int
) -> None:
    assert nobs_compare(files[0], files[1], "--fail-below", threshold).returncode == code


def test_a_threshold_that_few_repeats_can_not_reach_says_so(tmp_path: Path) -> None:
    few = [
        write(tmp_path / f"{speed}.json", make_report(speed=speed, repeats=3, tasks=("llms",)))
        for speed in (1.0, 0.5)
    ]
    done = nobs_compare(*few, "--fail-below", "0.95")

    assert done.returncode == 0
    assert "--fail-below not applied to llms/1 gpt-oss-20b: too few repeats" in done.stderr


def test_unlike_work_is_refused_with_the_reason_and_the_way_out(
    files: tuple[Path, Path, Path],
) -> None:
    done = nobs_compare(files[0], files[2])
    forced = nobs_compare(files[0], files[2], "--force-open")

    assert (done.returncode, done.stdout) == (2, "")
    assert "closed in the baseline and open in the other report" in done.stderr
    assert "--force-open" in done.stderr
    assert forced.returncode == 0
    assert "compared with --force-open" in forced.stdout


def test_a_workload_that_is_missing_is_named(tmp_path: Path) -> None:
    one = write(tmp_path / "one.json", make_report(tasks=("llms",)))
    other = write(tmp_path / "other.json", make_report(tasks=("embeddings",)))
    done = nobs_compare(one, other)

    assert done.returncode == 2
    assert "llms/1: missing from the other report" in done.stderr


def test_a_broken_file_is_an_error_that_names_it(files: tuple[Path, Path, Path]) -> None:
    files[1].write_text("{")
    done = nobs_compare(files[0], files[1])

    assert done.returncode != 0
    assert "b.json" in done.stderr
    assert done.stdout == ""


def test_every_form_of_the_renderer_can_be_asked_for() -> None:
    (choice,) = [each.type for each in command.params if each.opts[0] == "--format"]

    assert isinstance(choice, click.Choice)
    assert set(choice.choices) == set(FORMATS)
