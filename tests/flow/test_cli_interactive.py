"""Bare `nobs` on a pseudo-terminal of its own: questions, defaults and ways out."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.fakes.command import environment, run_nobs
from tests.fakes.smi import write_smi
from tests.fakes.terminal import Terminal, terminal

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")
QUESTIONS = ("Tasks", "Profile", "Backend", "Execution")


@contextmanager
def bare_nobs(cwd: Path, *, is_fresh: bool = False, **changes: str) -> Iterator[Terminal]:
    with terminal([], environment(cwd, **changes), cwd, is_fresh=is_fresh) as child:
        yield child


def written(cwd: Path) -> list[Path]:
    return list(cwd.rglob("*"))


def test_enter_takes_every_default(tmp_path: Path) -> None:
    with bare_nobs(tmp_path, is_fresh=True) as child:
        for question in QUESTIONS:
            child.expect(f"{question} (")
            child.type("\n")
        child.expect("Run now? [Y/n]")
        child.type("n\n")
        assert child.wait() == 0
    assert "processor " in child.shown
    shown = " ".join(child.shown.split())
    assert "not cached: stanfordnlp/imdb, thenlper/gte-large" in shown
    assert "nobs run --profile quick --backend" in child.shown
    assert "--execution native" in child.shown
    assert written(tmp_path) == []


def test_a_broken_driver_ends_it_before_the_first_question(tmp_path: Path) -> None:
    tools = write_smi(tmp_path / "bin", "Driver/library version mismatch", 18)
    path = f"{tools}{os.pathsep}{os.environ['PATH']}"
    home = tmp_path / "home"
    home.mkdir()
    with bare_nobs(home, PATH=path, CUDA_VISIBLE_DEVICES="0") as child:
        assert child.wait() == 3
    assert "Driver/library version mismatch" in child.shown
    assert "NOBS_BACKEND=cpu" in child.shown
    assert written(home) == []


def test_notes_and_errors_wrap_at_words(tmp_path: Path) -> None:
    broken = write_smi(tmp_path / "bin", "Driver/library version mismatch", 18)
    path = f"{broken}{os.pathsep}{os.environ['PATH']}"
    with bare_nobs(tmp_path, PATH=path, CUDA_VISIBLE_DEVICES="0") as child:
        assert child.wait() == 3
    with bare_nobs(tmp_path) as answered:
        for question, answer in (("Tasks", "knit\n"), ("Tasks", "\n"), ("Profile", "\n")):
            answered.expect(f"{question} (")
            answered.type(answer)
        answered.expect("Backend (")
        answered.leave("\x04")

    lines = [*child.shown.splitlines(), *answered.shown.splitlines()]
    assert max(map(len, lines)) <= 80
    assert any(line.startswith("    ") for line in answered.shown.splitlines())


def test_a_wrong_answer_is_asked_again(tmp_path: Path) -> None:
    with bare_nobs(tmp_path) as child:
        for question, wrong, said, right in (
            ("Tasks", "knitting", "There is no task 'knitting'.", "embeddings"),
            ("Profile", "slow", "There is no profile 'slow'.", "quick"),
            ("Backend", "abacus", "There is no backend 'abacus'.", "cpu"),
            ("Execution", "cloud", "There is no execution 'cloud'.", "native"),
        ):
            child.expect(f"{question} (")
            child.type(f"{wrong}\n")
            child.expect(said)
            child.expect(f"{question} (")
            child.type(f"{right}\n")
        child.expect("nobs run --task embeddings --profile quick --backend cpu --execution native")
        child.type("n\n")
        assert child.wait() == 0
    assert written(tmp_path) == []


def test_only_profiles_with_the_chosen_task_are_offered(tmp_path: Path) -> None:
    """Its pictures come with NOBS: the absent hub is no reason for another default.

    A run without the server that it needs would fail: Enter doesn't start it.
    """
    with bare_nobs(tmp_path, HOME=str(tmp_path), LLM_BASE_URL="http://127.0.0.1:9/v1") as child:
        child.expect("Tasks (")
        child.type("embeddings-served,llms\n")
        child.expect("No profile has all of embeddings-served,llms.")
        child.expect("Tasks (")
        child.type("vlms\n")
        child.expect("Profile (standard, quick, cold, cold-quick, coco) [standard]: ")
        child.type("\n")
        child.expect("vlms: no server answers at http://127.0.0.1:9/v1")
        for question in ("Backend (", "Execution (", "Run now? [y/N]"):
            child.expect(question)
            child.type("\n")
        assert child.wait() == 0

    assert "hub:" not in child.shown


@pytest.mark.parametrize(
    ("key", "answered"),
    [("\x04", 0), *(("\x03", number) for number in range(len(QUESTIONS)))],
)
def test_a_way_out_at_every_question(tmp_path: Path, key: str, answered: int) -> None:
    with bare_nobs(tmp_path, NOBS_PROFILE="quick") as child:
        for question in QUESTIONS[:answered]:
            child.expect(f"{question} (")
            child.type("\n")
        child.expect(f"{QUESTIONS[answered]} (")
        child.expect("]: ")
        assert child.leave(key) == 130
    assert "nobs: interrupted." in child.shown
    assert written(tmp_path) == []


def test_variables_are_the_defaults(tmp_path: Path) -> None:
    with bare_nobs(tmp_path, NOBS_PROFILE="quick", NOBS_BACKEND="cpu") as child:
        child.expect("Tasks (")
        child.type("\n")
        assert child.expect("[quick]")
        child.type("\n")
        assert child.expect("[cpu]")
        assert child.leave("\x04") == 130


def test_without_a_terminal_the_help_is_shown(tmp_path: Path) -> None:
    done = run_nobs(cwd=tmp_path)
    assert done.returncode == 2
    assert "Commands:" in done.stdout
