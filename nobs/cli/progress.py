"""Progress of a run on stderr: lines, and a bar on a terminal."""

import os
from collections.abc import Mapping
from typing import Self, TextIO

from nobs.cli.live import MOST_CHARACTERS, BuildProgress, LiveOutput, Output
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
    "baseline": "measuring the idle state",
    "calibrate": "measuring peak performance",
    "measure": "measuring",
    "extra": "additional measurements",
    "profile": "profiling",
}
SLOW_PHASES = ("data", "warmup")
TEMPLATES = {
    "server.progress": "server: {text}",
    "fetch.started": "downloading missing files; the measurement has no network",
    "fetch.pin": "  {id}",
    "step.started": "step {number}/{of}: {model}",
    "repeat.finished": "  repeat {repeat}{of_repeats}: {time}, {rate} {unit}/s{sensors}",
    "part.finished": "  {part}: {rate} {unit}/s",
    "step.finished": "  {status}, {why}",
    "run.interrupted": "interrupted; finished steps and repeats are kept",
    "run.failed": "failed: {message} {remedy}",
    "forkserver.unsafe": "fork server unavailable ({reason}); each step imports its libraries",
}
SENSORS = {"power_w": "W", "temperature_c": "°C"}
QUIET_OUTPUT = ("step.output", "worker.output")


class Progress:
    """Shows events; output of builds and libraries only updates the live line."""

    def __init__(
        self,
        plan: Plan,
        stream: TextIO | None = None,
        *,
        output: Output | None = None,
        verbose: bool = False,
        quiet: bool = False,
    ) -> None:
        self._output = output or LiveOutput(stream)
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

    def __exit__(self, *_error: object) -> None:
        self._output.clear()

    def show(self, event: Event) -> None:
        """Show one event; events without a text for people are skipped."""
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

    def _follow(self, event: Event) -> None:
        if event["event"] == "step.started":
            workload = self._workloads.get(str(event.get("step")))
            self._repeats = RepeatProgress(workload.policy) if workload else None
            self._phases = {**PHASES, **TASKS.load(workload.task).phases} if workload else PHASES
            self._place = f"{event['number']}/{event['of']}"
            self._model = str(event["model"]).split("/")[-1]

    def _show_phase(self, phase: str) -> None:
        # A log gets only the phases that may take minutes.
        if not self._output.is_live and phase in SLOW_PHASES:
            self._output.write(f"    {self._phases[phase]}")
        self._output.show(self._title(self._phases.get(phase, phase)))

    def _show_repeat(self, event: Event, repeats: RepeatProgress) -> None:
        # A log gets a line now and then instead of a bar.
        repeats.add(event["duration_s"])
        line = _describe(event) or ""
        if self._output.is_live:
            self._output.show(
                self._title(), share=repeats.share, rest=repeats.rest, detail=line.strip()
            )
        elif repeats.is_worth_a_line():
            self._output.write(f"  {line}")

    def _title(self, phase: str = "") -> str:
        # Only the name of the model is shortened.
        room = MOST_CHARACTERS - len(self._place) - len(phase or "at most 12 min 34 s left") - 2
        return f"{self._place} {shorten(self._model, room)} {phase}".strip()

    def _introduce(self) -> None:
        # At the first event only: an error before it should be the only text.
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
    duration_s, units = event.get("duration_s"), event.get("units")
    return format_rate(units / duration_s) if duration_s and units is not None else "-"


def _why(event: Event) -> str:
    if not event.get("failure_class"):
        count = event.get("repeats")
        return f"{count} repeat{'' if count == 1 else 's'}"
    return f"{event['failure_class']}: {event['message']} {event.get('remedy') or ''}"
