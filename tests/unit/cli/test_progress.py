"""What is shown while a run goes on: on a terminal, in a log, and where nobody wants to see it."""

import io
import re
from collections.abc import Iterator

import pytest

from nobs.cli.live import LiveOutput
from nobs.cli.progress import Progress
from nobs.log import Event
from tests.fakes.plans import make_container_plan

MODEL = "sentence-transformers/all-MiniLM-L6-v2"


def events(repeats: int) -> Iterator[Event]:
    step = make_container_plan().spec.steps[0].id
    yield {"event": "step.started", "step": step, "number": 1, "of": 2, "model": MODEL}
    yield {"event": "phase.started", "phase": "warmup"}
    for number in range(1, repeats + 1):
        yield {"event": "repeat.finished", "repeat": number, "repeats": None, "duration_s": 0.5,
               "units": 100, "unit": "rows"}  # fmt: skip
    yield {"event": "step.finished", "status": "ok", "repeats": repeats}


class Screen(io.StringIO):
    """A terminal that remembers what was written to it."""

    def isatty(self) -> bool:
        return True


def show(stream: io.StringIO, *, quiet: bool = False) -> str:
    with Progress(make_container_plan(), stream, quiet=quiet) as progress:
        for event in events(40):
            progress.show(event)
    return stream.getvalue()


def test_a_terminal_shows_a_bar_with_rate_and_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    shown = show(Screen())

    assert "1/2 all-MiniLM-L6-v2" in shown
    assert "━" in shown
    assert "at most" in shown
    assert "ok, 40 repeats" in shown


def last_frame(monkeypatch: pytest.MonkeyPatch, *seen: Event) -> list[str]:
    """Return the lines that stand on a terminal of 80 columns after these events."""
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("NO_COLOR", "1")
    screen = Screen()
    output = LiveOutput(screen)
    with Progress(make_container_plan(), output=output) as progress:
        for event in seen:
            progress.show(event)
        output.progress.refresh()
        shown = screen.getvalue()
    *_, frame = re.split(r"\x1b\[2K|\x1b\[1A", shown)
    return re.sub(r"\x1b\[\??\d*[a-zA-Z]", "", frame).replace("\r", "").splitlines()


def test_rate_sensors_and_rest_stand_in_80_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    started, *_ = events(0)
    repeat = {"event": "repeat.finished", "repeat": 12, "repeats": None, "duration_s": 3.62,
              "units": 8000, "unit": "rows", "power_w": 350.2, "temperature_c": 65.0}  # fmt: skip
    first, second = last_frame(monkeypatch, started, repeat)[-2:]

    assert first.endswith("at most 57.9 s left")
    assert "1/2 all-MiniLM-L6-v2 ━" in first
    assert second.strip() == "repeat 12: 3.62 s, 2,210 rows/s, 350 W, 65 °C"
    assert max(len(first), len(second)) <= 80


@pytest.mark.parametrize(("units", "rate"), [(400.0, "200"), (None, "-")])
def test_a_rate_that_is_not_known_is_not_shown_as_nought(units: float | None, rate: str) -> None:
    stream = io.StringIO()
    with Progress(make_container_plan(), stream) as progress:
        progress.show({"event": "part.finished", "part": "load, 2 at once",
                       "duration_s": 2.0, "unit": "tokens", "units": units})  # fmt: skip

    assert f"load, 2 at once: {rate} tokens/s" in stream.getvalue()


@pytest.mark.parametrize("number", [1, 12])
def test_a_long_name_hides_neither_rest_nor_phase(
    monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    started, _, repeat, *_ = events(1)
    started |= {"number": number, "of": 12, "model": f"people/{'long-name-' * 8}Q4_K_M"}
    bar, _ = last_frame(monkeypatch, started, repeat)[-2:]
    phase = last_frame(monkeypatch, started, {"event": "phase.started", "phase": "data"})[-1]

    assert bar.endswith("at most 59.5 s left")
    assert f"{number}/12 long-name" in bar
    assert "…name-Q4_K_M" in bar
    assert "Q4_K_M reading texts and weights" in phase


def test_what_follows_the_repeats_moves_again(monkeypatch: pytest.MonkeyPatch) -> None:
    *before, _ = events(3)
    frame = last_frame(monkeypatch, *before, {"event": "phase.started", "phase": "profile"})

    assert "1/2 all-MiniLM-L6-v2 profiling one pass" in frame[-1]
    assert frame[-1].lstrip()[0] in "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"


def test_a_terminal_without_colours_gets_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("NO_COLOR", "1")

    assert "\x1b[3" not in show(Screen())


@pytest.mark.parametrize("stream", [io.StringIO(), Screen()], ids=["pipe", "dumb terminal"])
def test_a_log_has_plain_lines_and_not_one_for_each_repeat(
    stream: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "dumb")
    lines = show(stream).splitlines()

    assert sum("rows/s" in line for line in lines) == 3 + 3
    assert not {"━", "\x1b"} & set("".join(lines))
    assert any("step 1/2" in line for line in lines)


def test_quiet_shows_nothing() -> None:
    assert show(io.StringIO(), quiet=True) == ""


def test_power_and_temperature_are_shown_where_they_are_known() -> None:
    step = make_container_plan().spec.steps[0].id
    told = {"power_w": 249.6, "temperature_c": 61.0}
    log = io.StringIO()
    with Progress(make_container_plan(), log) as progress:
        progress.show({"event": "step.started", "step": step, "number": 1, "of": 1, "model": "m"})
        for more in (told, {}):
            progress.show({"event": "repeat.finished", "repeat": 1, "repeats": 2,
                           "duration_s": 2.0, "units": 100, "unit": "rows",
                           **more})  # fmt: skip

    lines = [line.strip() for line in log.getvalue().splitlines() if "repeat" in line]
    assert lines == [
        "repeat 1/2: 2.00 s, 50.0 rows/s, 250 W, 61 °C",
        "repeat 1/2: 2.00 s, 50.0 rows/s",
    ]
