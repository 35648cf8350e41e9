"""How far the repeats of a step are, for people who wait."""

from dataclasses import dataclass

from nobs.schema.pins import RepeatPolicy
from nobs.units import format_seconds

_FIRST_REPEATS = 3
_LINE_EVERY_S = 5.0


@dataclass
class Course:
    """Repeats of one step so far, seen against the policy that ends them."""

    policy: RepeatPolicy
    repeats: int = 0
    measured_s: float = 0.0
    _told_s: float = 0.0

    def add(self, duration_s: float) -> None:
        """Count one repeat."""
        self.repeats += 1
        self.measured_s += duration_s

    @property
    def share(self) -> float:
        """The least share that is surely done, 0 to 1."""
        if self.policy.repeats:
            return min(1.0, self.repeats / self.policy.repeats)
        return min(1.0, self.measured_s / self.policy.time_budget_s)

    @property
    def rest(self) -> str:
        """How long it still takes; without a fixed number repeating may end at any time."""
        if self.policy.repeats:
            missing = max(0, self.policy.repeats - self.repeats)
            return f"{format_seconds(missing * self.measured_s / max(1, self.repeats))} left"
        rest_s = max(0.0, self.policy.time_budget_s - self.measured_s)
        return f"at most {format_seconds(rest_s)} left"

    def is_worth_a_line(self) -> bool:
        """Tell whether a log should name this repeat: the first ones, then one every few seconds.

        An accelerator makes thousands.
        """
        if self.repeats <= _FIRST_REPEATS or self.measured_s - self._told_s >= _LINE_EVERY_S:
            self._told_s = self.measured_s
            return True
        return False
