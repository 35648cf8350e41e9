"""Charts that a task declares of its models; the page draws the kinds and knows no task."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from nobs.schema.report import ModelReport
from nobs.tasks.figures import Figure

MAX_POINTS = 100
"""Of one model in one chart."""


class ChartKind(StrEnum):
    """How a chart is drawn."""

    LINES = "lines"
    """Points joined in the order of x, one line for each model and series."""
    DOTS = "dots"
    """Points that nothing joins."""
    SHARES = "shares"
    """Parts of a whole, stacked: one bar for each model."""
    PAIRS = "pairs"
    """A figure of the same work under two workloads, such as fixed and best settings."""


@dataclass(frozen=True, kw_only=True)
class Point:
    """One mark of a chart."""

    x: float
    y: float | None
    """None where the attempt failed: a cross marks it."""
    high: float | None = None
    """Upper end of a bar that begins at y."""
    series: str = ""
    """What a line is of within its model, as in settings that were tried."""
    text: str = ""
    """Why it failed."""


def _nothing(model: ModelReport) -> Sequence[Point | float]:
    return ()


@dataclass(frozen=True, kw_only=True)
class Chart[M: ModelReport]:
    """One chart; which of its fields count follows from its kind."""

    key: str
    kind: ChartKind
    title: str
    text: str
    """What is to be seen, in whole sentences."""
    read: Callable[[M], Sequence[Point | float]] = _nothing
    """Returns the points, or one share for each part; nothing where a model has none."""
    least: int = 1
    """Points below which a model isn't drawn."""
    x: str = ""
    """Label of the axis."""
    y: str = ""
    doubles: bool = False
    """Whether x doubles from tick to tick; its ticks are the values that were measured."""
    high: str = ""
    """Name of the upper ends of bars, where points have some."""
    series: str = ""
    """What tells the lines of one model apart."""
    parts: tuple[str, ...] = ()
    """Of SHARES."""
    rest_of: str = ""
    """The part whose rest stands as a number at the end of each bar."""
    figure: Figure[M] | None = None
    """Of PAIRS."""
    workloads: tuple[tuple[str, str], ...] = ()
    """Names, without version, of workloads of the same work: the plain one, then the other."""

    def pair_of(self, workload: str) -> tuple[str, str] | None:
        """Return both labels, as in `work/1`, of the pair that the label `workload` is in."""
        name, _, version = workload.rpartition("/")
        found = next((pair for pair in self.workloads if name in pair), None)
        return (f"{found[0]}/{version}", f"{found[1]}/{version}") if found else None
