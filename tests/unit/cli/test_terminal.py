"""What is printed on a terminal, and what is kept of it elsewhere."""

import sys
from pathlib import Path

import pytest

from nobs.cli import terminal as stdout
from nobs.storage.store import publish
from tests.fakes.command import environment
from tests.fakes.reports import make_report
from tests.fakes.terminal import terminal

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")
BOLD = "\x1b[1m"


def report_on_a_terminal(results: Path, *arguments: str, **changes: str) -> str:
    words = ["report", "--results", str(results), *arguments]
    env = environment(results, TERM="xterm-256color", **changes)
    with terminal(words, env, results) as child:
        assert child.wait() == 0
        return child.shown


def write_two(results: Path) -> None:
    for host in ("one", "two"):
        publish(results, make_report(host, run=host, gpu="An accelerator with a name of length"))


def test_a_wide_terminal_is_used(tmp_path: Path) -> None:
    write_two(tmp_path)
    shown = report_on_a_terminal(tmp_path, "--all", COLUMNS="110", NO_COLOR="1")

    assert "An accelerator with a name of length" in map(str.strip, shown.splitlines())
    assert max(map(len, shown.splitlines())) <= 110


def test_no_color_leaves_plain_text(tmp_path: Path) -> None:
    write_two(tmp_path)

    assert BOLD in report_on_a_terminal(tmp_path)
    assert "\x1b" not in report_on_a_terminal(tmp_path, NO_COLOR="1")


def test_a_file_gets_no_colours_of_the_terminal(tmp_path: Path) -> None:
    publish(tmp_path, make_report())
    report_on_a_terminal(tmp_path, "-o", str(tmp_path / "out.txt"))

    assert "\x1b" not in (tmp_path / "out.txt").read_text()


@pytest.mark.parametrize(("columns", "used"), [("20", 60), ("100", 100), ("500", 120), ("x", 80)])
def test_columns_are_bounded(monkeypatch: pytest.MonkeyPatch, columns: str, used: int) -> None:
    monkeypatch.setattr(sys, "__stdout__", None)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", columns)

    assert stdout.columns() == used


def test_a_pipe_has_80_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")

    assert stdout.columns() == 80
