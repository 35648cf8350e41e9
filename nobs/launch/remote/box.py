"""One host's part of a run: reached, started, followed through cut connections, brought home."""

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from nobs import __version__
from nobs.errors import RequirementError, RunLost, StorageError
from nobs.launch.remote import scripts
from nobs.launch.remote.archive import Damaged, receive
from nobs.launch.remote.machine import (
    Machine,
    not_installed,
    read_machine,
    require_space,
    without_nobs,
)
from nobs.launch.remote.part import Part
from nobs.launch.remote.shell import Patience, Shell, persist
from nobs.launch.remote.wheel import Wheel
from nobs.log import Event, parse_line
from nobs.report.collect import Collected, State, collect
from nobs.schema.spec import RunSpec
from nobs.storage.rundir import safe_name
from nobs.system.ssh import ConnectionCut, HostRefused
from nobs.text import to_line

FIRST_CONTACT_S = 8.0
"""A host that refuses new connections for a moment, as a busy sshd does, is asked again."""
RECONNECT_S = 600.0
INTERRUPT_S = 60.0
_COPIES = 4
_KILLED = (None, 137, 143)
"""Ends of a launcher that didn't finish its run; None if nobody saw it."""


class Watch(Protocol):
    """Shows one host's part to people."""

    def say(self, text: str, *, lasting: bool = True) -> None:
        """Show what happens; `lasting` as a line that stays."""

    def begin(self, spec: RunSpec) -> None:
        """Show the events of this run from now on."""

    def event(self, event: Event) -> None:
        """Show an event."""


@dataclass(frozen=True, kw_only=True)
class Order:
    """What every host does."""

    fleet: str
    """Name of the directory on each host, for one command."""
    words: tuple[str, ...]
    """Options of `nobs run`."""
    results: Path
    settings: Mapping[str, str] = field(default_factory=dict)
    """Environment variables of the run there."""
    reconnect_s: float = RECONNECT_S


@dataclass(frozen=True, kw_only=True)
class _End:
    """The end of a command on the host."""

    code: int | None
    out: str
    err: str

    @property
    def summary(self) -> Mapping[str, Any]:
        """The last line of stdout, in which `nobs run --node` says how it ended."""
        try:
            end = json.loads(self.out)
        except ValueError:
            return {}
        return end if isinstance(end, dict) and end.get("schema") == "nobs.end/1" else {}


class Box:
    """One host of a fleet, used by one thread; `interrupt` may come from another one."""

    def __init__(self, shell: Shell, order: Order, watch: Watch) -> None:
        self.host = shell.host
        self.shell = shell
        self.machine = Machine(program=None, version=None)
        self._order = order
        self._fleet = f"{order.fleet}/{self.host.name}"
        self._watch = watch
        self._patience = Patience(order.reconnect_s)
        self._stopping = threading.Event()
        self._lines = 0
        self._run_id: str | None = None

    def inspect(self) -> None:
        """Find what the host has; HostRefused if it can't be reached."""
        script = scripts.probe(__version__, self.host.nobs)
        try:
            said = persist(lambda: self.shell.run(script), Patience(FIRST_CONTACT_S))
        except ConnectionCut as error:
            raise HostRefused(error.message, error.remedy) from error
        self.machine = read_machine(self.host, said)
        self._watch.say("reached", lasting=False)

    def install(self, wheel: Wheel, extras: str) -> None:
        """Install this version in a directory of its own there, and inspect the host again."""
        require_space(self.host, self.machine, extras)
        self._watch.say(f"installing NOBS {__version__}{extras}")
        path = f"hosts/{self._fleet}-wheel/{wheel.name}"
        script = scripts.install(__version__, path, wheel.sha256, extras)

        def attempt() -> str:
            self.shell.upload(wheel.content, f"{scripts.HOME}/{path}")
            return self.shell.run(script)

        try:
            persist(attempt, self._patience)
        except RequirementError as error:
            raise not_installed(self.host, error) from error
        self.inspect()

    @property
    def program(self) -> str:
        """The `nobs` there; RequirementError if there is none of this version."""
        if self.machine.program is None or not self.machine.is_ready:
            raise without_nobs(self.host, self.machine)
        return self.machine.program

    def plan(self, *, as_json: bool) -> str:
        """Return what `nobs run --dry-run` prints there."""
        words = [*self._settings, self.program, "run", "--node", self.host.name, "--dry-run"]
        words += ["--json", *self._order.words] if as_json else self._order.words
        return self.shell.run(scripts.execute(words))

    def interrupt(self) -> None:
        """Let the run there end; its finished repeats come home."""
        self._stopping.set()
        self._patience.limit_s = INTERRUPT_S
        self._watch.say("interrupting", lasting=False)
        persist(lambda: self.shell.run(scripts.stop(self._fleet)), Patience(INTERRUPT_S))

    def conclude(self, part: Part) -> None:
        """Show how its part has ended, while others go on."""
        text = f"{part.state}: {part.reason}" if part.reason else part.state
        self._watch.say(text, lasting=False)

    def measure(self) -> Part:
        """Run there and bring the results home."""
        if self._stopping.is_set():
            return Part(host=self.host, exit_code=130, state="interrupted")
        self._watch.say("starting", lasting=False)
        words = ("run", "--node", self.host.name, "--yes", *self._order.words)
        self._start("run", self.program, *words)
        if self._stopping.is_set():
            self.interrupt()
        return self.finish()

    def finish(self) -> Part:
        """Follow what was started there to its end, and bring its results home.

        RunLost if the connection stays cut.
        """
        try:
            return self._finish()
        except (ConnectionCut, Damaged, StorageError) as error:
            # The disk is this machine's; the others say nothing of use here.
            first = f"{error.remedy} " if isinstance(error, StorageError) else ""
            raise RunLost(
                error.message,
                f"{first}The run may continue there, and its results are kept: "
                f"`nobs attach {self._order.fleet}` with the same hosts copies them.",
            ) from error

    def _finish(self) -> Part:
        end = self._follow("run")
        if self._run_id is not None and end.code in _KILLED:
            # What it had measured is finished as after any launcher's death.
            self._watch.say("the launcher there has died; finishing its run")
            self._start("attach", self.program, "attach", self._run_id)
            end = replace(self._follow("attach"), out=end.out)
        if self._run_id is None:
            return self._never_began(end)
        found = self._bring_home(self._run_id)
        return self._conclude(end, found)

    @property
    def _settings(self) -> list[str]:
        return [f"{name}={value}" for name, value in self._order.settings.items()]

    def _start(self, kind: str, program: str, *words: str) -> None:
        results = ("--results", f"{scripts.HOME}/hosts/{self._fleet}")
        script = scripts.start(self._fleet, kind, [*self._settings, program, *words, *results])
        persist(lambda: self.shell.run(script), self._patience)

    def _follow(self, kind: str) -> _End:
        """Pass events on until the command has ended; a cut connection is made again."""

        def listen() -> _End:
            said: dict[str, str] = {}
            script = scripts.follow(self._fleet, kind, self._lines)
            with self.shell.open(script.encode()) as output:
                for raw in output:
                    self._patience.renew()
                    line = raw.decode("utf-8", "replace").rstrip("\n")
                    if line.startswith(scripts.MARK):
                        self._note(said, *line[1:].partition(" ")[::2])
                    elif raw.endswith(b"\n"):
                        self._lines += 1
                        if event := parse_line(line):
                            self._watch.event(event)
            if "end" not in said:
                raise ConnectionCut(f"{self.host.name}: the connection was cut.", "Attach again.")
            code = said["end"]
            return _End(
                code=int(code) if code.isdigit() else None, out=said.get("out", ""),
                err=said.get("err", ""),
            )  # fmt: skip

        return persist(listen, self._patience)

    def _note(self, said: dict[str, str], kind: str, text: str) -> None:
        said[kind] = text
        if kind == "said" and text:
            self._watch.say(to_line(text.strip()), lasting=False)
        elif kind == "absent":
            raise RequirementError(
                f"{self.host.name} has no run of {self._order.fleet}.",
                "Check the name, and name the hosts of `nobs run`.",
            )
        elif kind == "spec" and self._run_id is None:
            spec = RunSpec.model_validate_json(text)
            if safe_name(spec.run_id) != spec.run_id:
                raise RunLost(
                    f"{self.host.name} sent an invalid run id: {to_line(spec.run_id)}.",
                    "Check that NOBS on the host is this version.",
                )
            self._run_id = spec.run_id
            self._watch.begin(spec)

    def _bring_home(self, run_id: str) -> Collected:
        self._watch.say("copying results", lasting=False)
        script, results = scripts.pack(self._fleet, run_id), self._order.results

        def copy() -> Path:
            with self.shell.open(script.encode()) as output:
                return receive(output, run_id, results)

        for left in reversed(range(_COPIES)):
            try:
                run = persist(copy, self._patience)
            except Damaged:
                if not left:
                    raise
                continue
            break
        return collect([str(run)], results)[0]

    def _never_began(self, end: _End) -> Part:
        why = end.summary.get("error") or end.err or "NOBS there ended without a word"
        code = RunLost.exit_code if end.code is None else end.code or 1
        state = "lost" if end.code is None else "not run"
        return Part(host=self.host, exit_code=code, state=state, reason=to_line(why, 500))

    def _conclude(self, end: _End, found: Collected) -> Part:
        code = RunLost.exit_code if end.code is None else end.code
        if found.state.is_fault and not code:
            code = 1
        part = Part(
            host=self.host, exit_code=code, run_id=self._run_id,
            state="interrupted" if code == 130 else str(found.state),
            reason=found.reason or (to_line(end.err) if code else ""),
        )  # fmt: skip
        if found.state in (State.ALTERED, State.INVALID):
            return part
        file = self._order.results / "runs" / found.run / "report.json"
        return part.with_report(file)
