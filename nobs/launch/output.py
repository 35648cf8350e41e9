"""A worker's output as events: its own unchanged, other lines as `worker.output`."""

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from nobs.log import Event, format_line, parse_line
from nobs.storage.rundir import RunDir
from nobs.storage.store import append_line

OnEvent = Callable[[Event], None]
_OUTPUT = "worker.output"


class Output:
    """Takes lines of a worker; a line that isn't an event is recorded as one.

    `recorded` is how many first lines of each stream are in the events file already.
    """

    def __init__(
        self, run_dir: RunDir, on_event: OnEvent, recorded: Mapping[str, int] | None = None
    ) -> None:
        self._run_dir = run_dir
        self._on_event = on_event
        self._left = Counter(recorded or {})
        self.failure: Event | None = None
        """Why the worker couldn't start, if it couldn't."""

    def __call__(self, stream: str, line: str) -> None:
        """Take one line."""
        event = parse_line(line) if stream == "stdout" else None
        if event is not None:
            self.failure = event if event["event"] == "run.failed" else self.failure
            self._on_event(event)
        elif line.strip() and self._left[stream] > 0:
            self._left[stream] -= 1
        elif line.strip():
            self._on_event(self._keep(stream, line))

    def _keep(self, stream: str, line: str) -> Event:
        event: Event = {
            "run_id": self._run_dir.path.name, "stream": str(stream), "text": line,
            "event": _OUTPUT, "level": "info", "timestamp": datetime.now(UTC).isoformat(),
        }  # fmt: skip
        append_line(self._run_dir.events_file, format_line(event))
        return event


def count_recorded(run_dir: RunDir, offset: int) -> Counter[str]:
    """Return how many lines of each stream are in the events file after `offset` bytes."""
    count: Counter[str] = Counter()
    if run_dir.events_file.exists():
        with run_dir.events_file.open("rb") as file:
            file.seek(offset)
            for line in file:
                event = parse_line(line.decode("utf-8", "replace"))
                if event and event["event"] == _OUTPUT:
                    count[event["stream"]] += 1
    return count
