"""Ends a load level early: its queue grows all the time, or the server stopped answering."""

from bisect import bisect_right
from math import sqrt

MIN_FAILED = 10
"""Requests in a row without any answer after which a level ends."""
MIN_GROWTH = 0.1
"""Share of the arrivals by which the queue must have grown."""
SIGMAS = 4.0
"""How many standard deviations of Poisson arrivals the growth must exceed."""
CHECK_EVERY = 8
OVER_SATURATED = "over-saturated"
STOPPED = "stopped answering"


class LoadGuard:
    """Sees every request of one level, in the order of time, and says when to stop sending.

    The queue of a server that keeps up grows by chance only: in the second half of the time so
    far, ends are fewer than arrivals by at most a few times the square root of the arrivals. While
    the first answers are still streaming, requests pile up at any server. So nothing is judged
    before `settle_s`, nor while the rate of ends is still rising.
    """

    def __init__(self, *, is_open: bool, settle_s: float = 0.0) -> None:
        self._is_open = is_open
        self._settle_ns = settle_s * 1e9
        self._starts: list[int] = []
        self._ends: list[int] = []
        self._failed_in_a_row = 0
        self.verdict = ""
        """Why no further request is to be sent: OVER_SATURATED or STOPPED; empty: go on."""

    def started(self, at_ns: int) -> None:
        """Take note that a request is sent."""
        self._starts.append(at_ns)
        if self._is_open and not len(self._starts) % CHECK_EVERY and self._is_growing():
            self.verdict = self.verdict or OVER_SATURATED

    def ended(self, at_ns: int, *, is_answered: bool) -> None:
        """Take note that a request ended; `is_answered` if the server sent anything at all."""
        self._ends.append(at_ns)
        self._failed_in_a_row = 0 if is_answered else self._failed_in_a_row + 1
        in_flight = len(self._starts) - len(self._ends)
        if self._failed_in_a_row >= max(MIN_FAILED, in_flight):
            self.verdict = self.verdict or STOPPED

    def _is_growing(self) -> bool:
        """Return whether the queue grew through the second half of the time so far."""
        first, now = self._starts[0], self._starts[-1]
        if now - first < self._settle_ns:
            return False
        middle = (first + now) // 2
        arrived = _count(self._starts, middle, now)
        growth = arrived - _count(self._ends, middle, now)
        if growth < max(MIN_GROWTH * arrived, SIGMAS * sqrt(arrived)):
            return False
        later = (middle + now) // 2
        before, after = _count(self._ends, middle, later), _count(self._ends, later, now)
        return after <= before + 2 * sqrt(before)


def _count(times: list[int], after: int, until: int) -> int:
    return bisect_right(times, until) - bisect_right(times, after)
