import io

from nobs.cli.live import BuildProgress, LiveLine

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


def show(stream: io.StringIO, *, verbose: bool = False) -> str:
    line = LiveLine(stream)
    progress = BuildProgress(line, verbose=verbose)
    for text in OUTPUT.splitlines():
        progress.show(text)
    line.clear()
    return stream.getvalue()


def test_elsewhere_each_step_is_one_line() -> None:
    assert show(io.StringIO()) == (
        "  [wheels 2/3] RUN pip install torch\n  [image 1/2] COPY nobs /opt/nobs\n"
    )


def test_a_terminal_shows_the_tail_and_keeps_nothing() -> None:
    shown = show(Screen())
    assert "Collecting torch" in shown
    assert "\n" not in shown
    assert shown.endswith("\r\x1b[2K")


def test_everything_where_it_is_asked_for() -> None:
    assert show(io.StringIO(), verbose=True) == OUTPUT


def test_a_line_that_stays_takes_the_changing_one_away() -> None:
    stream = Screen()
    line = LiveLine(stream)
    line.draw("loading")
    line.say("loaded")
    assert stream.getvalue() == "\r\x1b[2K  loading\r\x1b[2Kloaded\n"
