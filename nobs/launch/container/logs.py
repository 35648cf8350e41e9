"""A container's output as whole lines, each exactly once."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from queue import SimpleQueue
from threading import Thread

_JOIN_S = 5

OnLine = Callable[["Stream", str], None]
Frame = tuple[bytes | None, bytes | None]


class Stream(StrEnum):
    """Which output a line came from."""

    STDOUT = "stdout"
    STDERR = "stderr"


@dataclass
class LineReader:
    """Split one stream's chunks into lines and count those that were delivered."""

    stream: Stream
    on_line: OnLine
    delivered: int = 0
    skip: int = 0
    """The number of first lines that were delivered earlier."""
    _rest: list[bytes] = field(default_factory=list)

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes of the stream."""
        *lines, rest = chunk.split(b"\n")
        for line in lines:
            self._deliver(line)
        if rest:
            self._rest.append(rest)

    def finish(self) -> None:
        """Deliver a last line without a newline."""
        if self._rest:
            self._deliver(b"")

    def reconcile(self, recorded: bytes) -> None:
        """Deliver the engine's record of this stream from the first line that wasn't seen live.

        Lines are counted, not bytes: the record replaces bytes that aren't UTF-8 and completes the
        last line.
        """
        *lines, rest = recorded.split(b"\n")
        lines += [rest] if rest else []
        for line in lines[self.delivered :]:
            self._rest.clear()
            self._deliver(line)
        self.finish()

    def _deliver(self, line: bytes) -> None:
        whole = b"".join([*self._rest, line])
        self._rest.clear()
        self.delivered += 1
        if self.delivered > self.skip:
            self.on_line(self.stream, whole.decode(errors="replace").removesuffix("\r"))


class Pump:
    """Read frames in a thread, so that the caller can wait for them with a deadline.

    The queue ends with None, also after a broken connection: the record has the rest.
    """

    def __init__(self, frames: Iterable[Frame]) -> None:
        self.queue: SimpleQueue[Frame | None] = SimpleQueue()
        self._frames = frames
        self._thread = Thread(target=self._run, name="nobs-logs", daemon=True)

    def start(self) -> None:
        """Start reading."""
        self._thread.start()

    def join(self) -> None:
        """Wait a few seconds until reading has ended."""
        self._thread.join(_JOIN_S)

    def _run(self) -> None:
        try:
            for frame in self._frames:
                self.queue.put(frame)
        except (OSError, ValueError):
            return
        finally:
            self.queue.put(None)
