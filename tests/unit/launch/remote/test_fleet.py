"""Hosts at once: what each one's line shows when its part has ended."""

from pathlib import Path

import pytest

from nobs.errors import RequirementError, StorageError
from nobs.launch.remote.box import Box, Order
from nobs.launch.remote.fleet import Fleet
from nobs.launch.remote.hosts import Host
from nobs.launch.remote.part import Part
from nobs.launch.remote.shell import Shell
from nobs.log import Event
from nobs.schema.spec import RunSpec


class Line:
    """Keeps the latest text."""

    def __init__(self) -> None:
        self.text = ""

    def say(self, text: str, *, lasting: bool = True) -> None:
        self.text = text

    def begin(self, spec: RunSpec) -> None:
        pass

    def event(self, event: Event) -> None:
        pass


def test_the_line_of_a_host_that_has_ended_says_how(tmp_path: Path) -> None:
    lines = {name: Line() for name in ("box1", "box2")}
    order = Order(fleet="a-fleet", words=(), results=tmp_path)
    fleet = Fleet([
        Box(Shell(host=Host(name=name, address=name)), order, line) for name, line in lines.items()
    ])  # fmt: skip

    def act(box: Box) -> Part:
        if box.host.name == "box1":
            raise RequirementError("box1: it refused your key.", "Put it there.")
        return Part(host=box.host, exit_code=0, state="complete")

    fleet.each(act)

    assert lines["box1"].text == "not run: it refused your key. Put it there."
    assert lines["box2"].text == "complete"


def test_a_run_that_finds_no_space_here_is_lost_and_can_be_brought_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_box: Box) -> Part:
        raise StorageError("No space left on device.", "Free some space.")

    monkeypatch.setattr(Box, "_finish", full)
    order = Order(fleet="a-fleet", words=(), results=tmp_path)
    fleet = Fleet([Box(Shell(host=Host(name="box1", address="box1")), order, Line())])

    fleet.each(Box.finish)

    (part,) = fleet.ordered()
    assert (part.state, part.exit_code) == ("lost", 5)
    assert part.reason.startswith(
        "No space left on device. Free some space. The run may continue there"
    )
    assert "`nobs attach a-fleet`" in part.reason
