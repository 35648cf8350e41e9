"""What the processes whose memory grows have in common."""

import json
import sys

from nobs.system.peak import peak_rss_bytes, reset_peak
from nobs.tasks.fit.report import Stop


def say(**line: object) -> None:
    """Print one line of JSON, at once: what was reached counts if the process is ended."""
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def say_done() -> None:
    """Print that all sizes ran."""
    say(stop={"by": Stop.LARGEST, "at": None, "why": ""})


def host_bytes() -> int:
    """Return the resident memory of this process, and measure its peak from now on."""
    reset_peak()
    return peak_rss_bytes()
