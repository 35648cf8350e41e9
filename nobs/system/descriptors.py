"""Open files and connections of this process, which RLIMIT_NOFILE limits."""

import sys
from contextlib import suppress

from nobs.errors import RequirementError

SPARE = 128
"""Files that a process has open besides its connections."""


class TooFewFiles(RequirementError):
    """The hard limit of open files is lower than the connections need."""

    def __init__(self, connections: int, limit: int) -> None:
        super().__init__(
            f"{connections:,} connections need {connections + SPARE:,} open files, but this process"
            f" may open only {limit:,} (the limit RLIMIT_NOFILE).",
            f"Raise it with `ulimit -n {connections + SPARE}` (for a container, in the engine's"
            " configuration), or use fewer connections.",
        )


def raise_file_limit(connections: int) -> None:
    """Raise the soft limit so that `connections` can be open; TooFewFiles if that is refused."""
    if sys.platform == "win32":
        return
    import resource  # noqa: PLC0415 - POSIX only

    needed = connections + SPARE
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return
    limit = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
    with suppress(ValueError, OSError):  # macOS has a lower limit than the hard one it reports
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < needed:
        raise TooFewFiles(connections, soft)
