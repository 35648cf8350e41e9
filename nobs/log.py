"""Events: dotted names with fields, one JSON object per line between processes and in files."""

import json
from collections.abc import Callable, Mapping
from typing import Any, TextIO

import structlog

from nobs.text import whole_characters

Event = dict[str, Any]

END_MARK = "\x1e end of step "
"""Begins the stderr line that marks the end of a step's output; the step's id follows."""


def configure_json(write: Callable[[Event], None]) -> None:
    """Send every event, with time and level, to `write` as a dict."""

    def deliver(_logger: object, _method: str, event: Mapping[str, Any]) -> str:
        write(dict(event))
        raise structlog.DropEvent

    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.ExceptionRenderer(),
            deliver,
        ],
        cache_logger_on_first_use=False,
    )


def render_console(event: Event, *, color: bool) -> str:
    """Return `event` as one line for the terminal."""
    fields = {key: value for key, value in event.items() if key != "run_id"}
    renderer = structlog.dev.ConsoleRenderer(colors=color, pad_event_to=20)
    return str(renderer(None, "", fields))


def bind(**fields: str) -> None:
    """Bind fields once, such as the run id, to every later event of this process."""
    structlog.contextvars.bind_contextvars(**fields)


def get_logger() -> structlog.stdlib.BoundLogger:
    """Return the logger; call it as `log.info("step.finished", duration_s=1.2)`."""
    logger: structlog.stdlib.BoundLogger = structlog.get_logger()
    return logger


def format_line(event: Event) -> str:
    """Return `event` as one line of JSON, whatever its values are."""
    line = json.dumps(event, default=str, ensure_ascii=False, separators=(",", ":"))
    return whole_characters(line) + "\n"


def parse_line(line: str) -> Event | None:
    """Return the event of a line, None if the line is something else."""
    if not line.startswith("{"):
        return None
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) and isinstance(event.get("event"), str) else None


def write_line(stream: TextIO, event: Event) -> None:
    """Write `event` to `stream` at once."""
    stream.write(format_line(event))
    stream.flush()
