"""Ports of this machine."""

import random
import socket
from contextlib import suppress

BELOW_THE_SYSTEMS = range(10_000, 32_000)
"""Systems hand out ports above these: no other test's server gets one of them by chance."""


def free_port() -> int:
    """Return a port on which nobody listens."""
    while True:
        port = random.SystemRandom().choice(BELOW_THE_SYSTEMS)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
