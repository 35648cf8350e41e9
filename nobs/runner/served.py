"""CPU time of an LLM server on this machine, which isn't that of other processes."""

from contextlib import suppress
from urllib.parse import urlsplit

import psutil

from nobs.schema.result import Sample
from nobs.schema.server import Locality, ServerRef
from nobs.system.processes import cpu_time_of_family, find_listener


class ServerClock:
    """Reads the CPU time of the server's processes, lap by lap."""

    def __init__(self, server: ServerRef | None) -> None:
        self._is_elsewhere = server is not None and server.locality is Locality.REMOTE
        is_here = server is not None and server.locality is Locality.LOCAL and not server.socket
        port = urlsplit(server.base_url).port if server and is_here else None
        self._process = find_listener(port) if port else None
        self._last_s: float | None = None

    @property
    def is_seen(self) -> bool:
        """Whether the server's use of this machine's CPU is known."""
        return self._is_elsewhere or self._process is not None

    def lap(self) -> float | None:
        """Return the CPU seconds since the previous lap; None in the first lap and if unknown."""
        if self._is_elsewhere:
            return 0.0
        before, self._last_s = self._last_s, self._read()
        return None if before is None or self._last_s is None else self._last_s - before

    def _read(self) -> float | None:
        if self._process is not None:
            with suppress(psutil.Error):
                return cpu_time_of_family(self._process)
        return None


def split_foreign(sample: Sample, server_s: float | None) -> Sample:
    """Return the sample of a served model, with the server's CPU time separated."""
    foreign_s = sample.foreign_cpu_s
    if foreign_s is not None:
        foreign_s = None if server_s is None else foreign_s - server_s
    return sample.model_copy(update={"foreign_cpu_s": foreign_s, "server_cpu_s": server_s})
