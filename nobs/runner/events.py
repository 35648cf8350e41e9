"""The output of a child: events on a copy of stdout, everything else on stderr."""

import os
import sys

from nobs.log import Event, bind, configure_json, write_line


def open_channel(run_id: str) -> None:
    """Reserve stdout for events; output of libraries goes to stderr from now on."""
    sys.stdout.flush()
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def write(event: Event) -> None:
        write_line(channel, event)

    configure_json(write)
    bind(run_id=run_id)
