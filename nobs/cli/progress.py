"""What people see on stderr while a run goes on: plain lines, and a live line on a terminal."""

import sys
from types import TracebackType
from typing import Any, Self

import click

from nobs.launch.plan import Plan
from nobs.log import Event
from nobs.units import format_rate, format_seconds

PHASES = {
    "import": "importing libraries",
    "device_check": "checking the device",
    "data": "reading texts and finding weights",
    "load": "loading the model",
    "warmup": "warming up",
    "measure": "measuring",
}
TEMPLATES = {
    "image.building": "building image {tag} (once; minutes)",
    "step.started": "step {number}/{of}: {model}",
    "repeat.finished": "  repeat {repeat}{of_repeats}: {time}, {rate} rows/s",
    "step.finished": "  {status}, {why}",
    "run.interrupted": "interrupted; finished steps are kept",
    "run.failed": "failed: {message} {remedy}",
    "forkserver.unsafe": "importing anew for every step: {reason}",
}
QUIET_OUTPUT = ("image.output", "step.output", "worker.output")


class Progress:
    """Show events; what a build or a library prints moves the live line only."""

    def __init__(self, plan: Plan, stream: Any = None) -> None:  # noqa: ANN401 - a text stream
        self._stream = stream or sys.stderr
        self._live = bool(self._stream.isatty())
        self._plan = plan
        self._drawn = False

    def __enter__(self) -> Self:
        spec = self._plan.spec
        names = ", ".join(workload.label for workload in spec.workloads)
        self._say(f"run {spec.run_id}: {names} on {spec.backend}, {spec.execution}")
        for note in self._plan.notes:
            self._say(f"  note: {note}")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._clear()

    def show(self, event: Event) -> None:
        """Show one event, or nothing where it says nothing to people."""
        name = event["event"]
        if name in QUIET_OUTPUT:
            self._draw(str(event.get("text", "")))
        elif name == "phase.started":
            self._draw(PHASES.get(str(event["phase"]), str(event["phase"])))
        elif line := _describe(event):
            self._say(f"  {line}")

    def _say(self, line: str) -> None:
        self._clear()
        click.echo(line, file=self._stream)

    def _draw(self, text: str) -> None:
        """Show what is going on in the last line of a terminal."""
        if self._live:
            click.echo(f"\r\x1b[2K  {text.strip()[:74]}", nl=False, file=self._stream)
            self._drawn = True

    def _clear(self) -> None:
        if self._drawn:
            click.echo("\r\x1b[2K", nl=False, file=self._stream)
            self._drawn = False


def _describe(event: Event) -> str | None:
    """Return the line for people, None for events that say nothing to them."""
    template = TEMPLATES.get(event["event"])
    if template is None:
        return None
    of = f"/{event['repeats']}" if event.get("repeats") else ""
    rate = event["units"] / event["duration_s"] if event.get("duration_s") else 0.0
    fields = {
        **event,
        "of_repeats": of,
        "time": format_seconds(event.get("duration_s", 0.0)),
        "rate": format_rate(rate),
        "why": _why(event),
    }
    return template.format_map(fields).rstrip()


def _why(event: Event) -> str:
    if not event.get("failure_class"):
        return f"{event.get('repeats')} repeats"
    return f"{event['failure_class']}: {event['message']} {event.get('remedy') or ''}"
