"""What people see on stderr while a run goes on: lines, and a moving bar on a terminal."""

import os
from collections.abc import Mapping
from types import TracebackType
from typing import Self, TextIO

from nobs.cli.live import MOST_CHARACTERS, BuildProgress, LiveOutput
from nobs.cli.repeats import RepeatProgress
from nobs.launch.planning.plan import Plan
from nobs.log import Event, render_console
from nobs.tasks import TASKS
from nobs.text import shorten
from nobs.units import format_rate, format_seconds

PHASES: Mapping[str, str] = {
    "import": "importing libraries",
    "device_check": "checking the device",
    "data": "reading inputs and finding weights",
    "load": "loading the model",
    "warmup": "warming up",
    "baseline": "watching the idle machine",
    "calibrate": "measuring the device's limits",
    "measure": "measuring",
    "extra": "measuring beyond the repeats",
    "profile": "profiling",
}
SLOW_PHASES = ("data", "warmup")
TEMPLATES = {
    "server.progress": "server: {text}",
    "fetch.started": "fetching what isn't cached; measuring has no network",
    "fetch.pin": "  {id}",
    "step.started": "step {number}/{of}: {model}",
    "repeat.finished": "  repeat {repeat}{of_repeats}: {time}, {rate} {unit}/s{sensors}",
    "part.finished": "  {part}: {rate} {unit}/s",
    "step.finished": "  {status}, {why}",
    "run.interrupted": "interrupted; finished steps are kept",
    "run.failed": "failed: {message} {remedy}",
    "forkserver.unsafe": "fork server unavailable ({reason}); each step imports its libraries",
}
SENSORS = {"power_w": "W", "temperature_c": "°C"}
QUIET_OUTPUT = ("step.output", "worker.output")


class Progress:
    """Show events; what a build or a library prints moves the last line of a terminal only."""

    def __init__(
        self,
        plan: Plan,
        stream: TextIO | None = None,
        *,
        verbose: bool = False,
        quiet: bool = False,
    ) -> None:
        self._output = LiveOutput(stream)
        self._verbose = verbose
        self._quiet = quiet
        self._build = BuildProgress(self._output)
        self._plan = plan
        self._workloads = {step.id: plan.spec.workload_of(step) for step in plan.spec.steps}
        self._phases = PHASES
        self._repeats: RepeatProgress | None = None
        self._place = ""
        self._model = ""
        self._introduced = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._output.clear()

    def show(self, event: Event) -> None:
        """Show one event, or nothing where it says nothing to people."""
        if self._quiet:
            return
        self._introduce()
        name = event["event"]
        if self._verbose and "timestamp" in event:
            color = self._output.is_live and not os.environ.get("NO_COLOR")
            self._output.write(render_console(event, color=color))
        elif name == "image.output":
            self._build.show(str(event["text"]))
        elif name in QUIET_OUTPUT:
            self._output.show(str(event.get("text", "")))
        elif name == "phase.started":
            self._show_phase(str(event["phase"]))
        elif name == "repeat.finished" and self._repeats:
            self._show_repeat(event, self._repeats)
        elif line := _describe(event):
            self._follow(event)
            self._output.write(f"  {line}")

    def refresh(self) -> None:
        """Draw the line that moves now instead of at the next tick."""
        self._output.refresh()

    def _follow(self, event: Event) -> None:
        """Keep in mind which step runs."""
        if event["event"] == "step.started":
            workload = self._workloads.get(str(event.get("step")))
            self._repeats = RepeatProgress(workload.policy) if workload else None
            self._phases = {**PHASES, **TASKS.load(workload.task).phases} if workload else PHASES
            self._place = f"{event['number']}/{event['of']}"
            self._model = str(event["model"]).split("/")[-1]

    def _show_phase(self, phase: str) -> None:
        """Show what goes on; where no line is live, only what may take minutes."""
        if not self._output.is_live and phase in SLOW_PHASES:
            self._output.write(f"    {self._phases[phase]}")
        self._output.show(self._title(self._phases.get(phase, phase)))

    def _show_repeat(self, event: Event, repeats: RepeatProgress) -> None:
        """Move the bar; where there is none, say a line now and then."""
        repeats.add(event["duration_s"])
        line = _describe(event) or ""
        if self._output.is_live:
            self._output.show(
                self._title(), share=repeats.share, rest=repeats.rest, detail=line.strip()
            )
        elif repeats.is_worth_a_line():
            self._output.write(f"  {line}")

    def _title(self, phase: str = "") -> str:
        """Return step, model and phase; a long name is shortened, what goes on beside it is not."""
        room = MOST_CHARACTERS - len(self._place) - len(phase or "at most 12 min 34 s left") - 2
        return f"{self._place} {shorten(self._model, room)} {phase}".strip()

    def _introduce(self) -> None:
        """Say what runs once it does run: a refusal beforehand is the only thing to read."""
        if self._introduced:
            return
        self._introduced = True
        spec = self._plan.spec
        names = ", ".join(workload.label for workload in spec.workloads)
        self._output.write(f"run {spec.run_id}: {names} on {spec.backend}, {spec.execution}")
        for note in self._plan.notes:
            self._output.write(f"  note: {note}")
        self._output.show("starting")


def _describe(event: Event) -> str | None:
    """Return the line for people, None for events that say nothing to them."""
    template = TEMPLATES.get(event["event"])
    if template is None:
        return None
    of = f"/{event['repeats']}" if event.get("repeats") else ""
    fields = {
        **event,
        "of_repeats": of,
        "time": format_seconds(event.get("duration_s", 0.0)),
        "rate": _rate(event),
        "sensors": "".join(
            f", {event[name]:.0f} {unit}" for name, unit in SENSORS.items() if name in event
        ),
        "why": _why(event),
    }
    return template.format_map(fields).rstrip()


def _rate(event: Event) -> str:
    """Return the units per second, without a number where the units aren't known."""
    duration_s, units = event.get("duration_s"), event.get("units")
    return format_rate(units / duration_s) if duration_s and units is not None else "-"


def _why(event: Event) -> str:
    if not event.get("failure_class"):
        count = event.get("repeats")
        return f"{count} repeat{'' if count == 1 else 's'}"
    return f"{event['failure_class']}: {event['message']} {event.get('remedy') or ''}"
