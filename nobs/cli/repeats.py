"""Progress of the repeats of a step."""

from dataclasses import dataclass
from math import ceil

from nobs.schema.pins import RepeatPolicy
from nobs.units import format_seconds

_FIRST_REPEATS = 3
_LINE_EVERY_S = 5.0


@dataclass
class RepeatProgress:
    """Repeats of one step so far, compared with the policy that ends them."""

    policy: RepeatPolicy
    repeats: int = 0
    measured_s: float = 0.0
    _logged_s: float = 0.0

    def add(self, duration_s: float) -> None:
        """Count one repeat."""
        self.repeats += 1
        self.measured_s += duration_s

    @property
    def share(self) -> float:
        """Lower bound of the share done, 0 to 1."""
        return self.measured_s / (self.measured_s + self._rest_s) if self.repeats else 0.0

    @property
    def rest(self) -> str:
        """Remaining time; without --repeats an upper bound, as the CI may end it at any time."""
        if not self._rest_s:
            return ""
        left = f"{format_seconds(self._rest_s)} left"
        return left if self.policy.repeats or self.policy.sustain_s else f"at most {left}"

    @property
    def _rest_s(self) -> float:
        """Estimated seconds of the remaining repeats, from the mean so far."""
        mean_s = self.measured_s / self.repeats if self.repeats else 0.0
        return mean_s * max(0, self._missing(mean_s))

    def _missing(self, mean_s: float) -> int:
        """Return the most repeats that can follow; one that starts in time is completed."""
        if self.policy.repeats:
            return self.policy.repeats - self.repeats
        in_time = ceil((self.policy.length_s - self.measured_s) / mean_s) if mean_s else 0
        return max(self.policy.min_repeats - self.repeats, in_time)

    def is_worth_a_line(self) -> bool:
        """Return whether a log should list this repeat: the first ones, then one per 5 s."""
        if self.repeats <= _FIRST_REPEATS or self.measured_s - self._logged_s >= _LINE_EVERY_S:
            self._logged_s = self.measured_s
            return True
        return False
