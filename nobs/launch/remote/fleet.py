"""All hosts of a run at once; the failure of one doesn't stop the others."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from itertools import groupby
from operator import attrgetter

from nobs.errors import NobsError
from nobs.launch.remote.box import Box
from nobs.launch.remote.part import Part, failed
from nobs.supervisor.signals import stop_on_signals

PASSED = ("LLM_BASE_URL", "LLM_MODEL_NAME")
"""Variables that hosts get as they are here: a URL of loopback means the host's own server."""


def passed_settings() -> Mapping[str, str]:
    """Return the variables of this environment that every host gets; none is a secret."""
    return {name: os.environ[name] for name in PASSED if os.environ.get(name)}


class Fleet:
    """The hosts of one command."""

    def __init__(self, boxes: Sequence[Box]) -> None:
        self.boxes = boxes
        self.parts: dict[str, Part] = {}

    @property
    def left(self) -> list[Box]:
        """The hosts that no error has ended."""
        return [box for box in self.boxes if box.host.name not in self.parts]

    def each(self, action: Callable[[Box], Part | None]) -> None:
        """Let every host that is left do `action` at the same time; keep the parts that it ends.

        A stop signal interrupts the runs, whose finished repeats still come home.
        """
        boxes = self.left
        if not boxes:
            return
        with stop_on_signals(), ThreadPoolExecutor(len(boxes)) as pool:
            futures = {pool.submit(self._attempt, box, action): box for box in boxes}
            try:
                wait(futures, return_when=FIRST_EXCEPTION)
            except KeyboardInterrupt:
                self._interrupt(boxes, futures)
            for future in futures:
                future.result()

    def ordered(self) -> list[Part]:
        """Return the parts in the order of the hosts."""
        return [self.parts[box.host.name] for box in self.boxes if box.host.name in self.parts]

    def shared(self) -> Iterator[list[str]]:
        """Yield names of hosts that are one machine: their runs disturb each other."""
        known = [box for box in self.left if box.machine.boot]
        boot_of = attrgetter("machine.boot")
        for _, group in groupby(sorted(known, key=boot_of), key=boot_of):
            names = [box.host.name for box in group]
            if len(names) > 1:
                yield names

    def _attempt(self, box: Box, action: Callable[[Box], Part | None]) -> None:
        try:
            part = action(box)
        except NobsError as error:
            part = failed(box.host, error)
        if part is not None:
            box.conclude(part)
            self.parts[box.host.name] = part

    @staticmethod
    def _interrupt(boxes: Sequence[Box], futures: Mapping[Future[None], Box]) -> None:
        at_work = [box for future, box in futures.items() if not future.done()]
        with ThreadPoolExecutor(len(boxes)) as pool:
            asked = [pool.submit(box.interrupt) for box in at_work]
            for future in asked:
                with suppress(NobsError):
                    future.result()
        wait(futures)


def exit_code_of_parts(parts: Sequence[Part]) -> int:
    """Return the most severe exit code of the hosts, as of the steps of a run."""
    return max((part.exit_code for part in parts), default=0)
