"""The lines of many hosts on a terminal."""

import io
from pathlib import Path

import pytest

from nobs.cli.boxes import Boxes


class Tty(io.StringIO):
    """A terminal that keeps what was written."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("columns", [80, 40])
def test_every_host_has_one_line_that_fits(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, columns: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("TERM", "xterm")
    stream, name = Tty(), "a-host-with-a-very-long-name"
    boxes = Boxes(["box1", name], tmp_path, stream)
    with boxes:
        boxes.lines["box1"].show("1/2 fine", share=0.5, rest="4 s left")
        boxes.lines[name].say("not run: it refused your key. " * 9, lasting=False)
        stream.truncate(stream.seek(0))
        assert boxes.live is not None
        boxes.live.refresh()
        shown = stream.getvalue()
        boxes.write("box1: 1/2 raises loading the model: failed, benchmark: upside down weights")
        lasting = stream.getvalue()

    assert "1/2 fine" in shown
    assert "4 s left" in shown
    assert "not run: it" in shown
    assert shown.count("\n") == 1
    assert "down weights" in lasting.replace("\n", " ")
