"""Lines that stay, the bar below them, and the output of an image build."""

import io

import pytest

from nobs.cli.live import BuildProgress, LiveOutput

OUTPUT = """\
#0 building with "default" instance using docker driver
#1 [internal] load .dockerignore
#1 DONE 0.0s
#4 [wheels 2/3] RUN pip install torch
#4 0.512 Collecting torch
#5 [image 1/2] COPY nobs /opt/nobs
#4 [wheels 2/3] RUN pip install torch
#4 DONE 61.0s
"""


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


class ClosedPipe(io.StringIO):
    def write(self, _text: str) -> int:
        raise BrokenPipeError


class ClosedTerminal(ClosedPipe, Screen):
    pass


@pytest.fixture(autouse=True)
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("TERM", "xterm-256color"), ("COLUMNS", "80"), ("NO_COLOR", "1")):
        monkeypatch.setenv(name, value)


def build(stream: io.StringIO, *, verbose: bool = False) -> str:
    output = LiveOutput(stream)
    progress = BuildProgress(output, verbose=verbose)
    for text in OUTPUT.splitlines():
        progress.show(text)
        output.progress.refresh()
    output.clear()
    return stream.getvalue()


def test_a_log_gets_one_line_for_each_step_of_a_build() -> None:
    assert build(io.StringIO()) == (
        "  [wheels 2/3] RUN pip install torch\n  [image 1/2] COPY nobs /opt/nobs\n"
    )


def test_a_terminal_shows_the_tail_of_a_build_and_keeps_nothing() -> None:
    shown = build(Screen())

    assert "Collecting torch" in shown
    *_, last = shown.split("\x1b[1A")
    assert last.removeprefix("\x1b[2K") == ""


def test_all_output_of_a_build_where_it_is_asked_for() -> None:
    assert build(io.StringIO(), verbose=True) == OUTPUT


def test_a_log_gets_whole_lines_and_no_control_codes() -> None:
    log = io.StringIO()
    output = LiveOutput(log)
    output.show("working", share=0.5, rest="1 s left", detail="going on")
    output.write(f"  \x1b[1mnote\x1b[0m: {'word ' * 40}end")
    output.clear()

    assert log.getvalue() == f"  note: {'word ' * 40}end\n"


def test_a_long_line_wraps_at_words_on_a_terminal() -> None:
    screen = Screen()
    LiveOutput(screen).write(f"  note: {'word ' * 17}/a/path/with-a-name")

    assert screen.getvalue().splitlines() == [
        f"  note: {'word ' * 13}word", "    word word word /a/path/with-a-name"
    ]  # fmt: skip


def test_control_codes_of_a_library_are_not_drawn() -> None:
    screen = Screen()
    output = LiveOutput(screen)
    output.show("\x1b[31m  downloading\x1b[0m")
    output.clear()

    assert "downloading" in screen.getvalue()
    assert "\x1b[31m" not in screen.getvalue()


@pytest.mark.parametrize("stream", [ClosedPipe(), ClosedTerminal()], ids=["pipe", "terminal"])
def test_a_reader_that_left_is_no_error(stream: io.StringIO) -> None:
    output = LiveOutput(stream)
    output.write("nobody reads this")
    output.show("work", share=0.5, rest="1 s left", detail="going on")
    output.clear()

    assert stream.getvalue() == ""
