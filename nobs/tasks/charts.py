"""Charts that tasks declare; the page draws the kinds without knowing the tasks."""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from nobs.schema.report import ModelReport
from nobs.tasks.figures import Figure

MAX_POINTS = 100
"""Of one model in one chart."""
MAX_SOURCE = 100_000
"""Characters of one picture."""
_SOURCE = re.compile(r"data:image/(?:png|jpeg);base64,[A-Za-z0-9+/]+={0,2}")


class ChartKind(StrEnum):
    """How a chart is drawn."""

    LINES = "lines"
    """Points joined in the order of x, one line for each model and series."""
    DOTS = "dots"
    """Points without lines."""
    SHARES = "shares"
    """Parts of a whole, stacked: one bar for each model."""
    PAIRS = "pairs"
    """A figure of the same work under two workloads, such as fixed and best settings."""
    HEAT = "heat"
    """Cells coloured by their value: one row for each model, one column for each x."""
    PICTURES = "pictures"
    """Small pictures that a model made or was shown, with a caption each."""


@dataclass(frozen=True, kw_only=True)
class Point:
    """One mark of a chart."""

    x: float
    y: float | None
    """None if the trial failed: drawn as a cross."""
    high: float | None = None
    """Upper end of a bar that begins at y."""
    series: str = ""
    """Name of the line within its model, such as the settings."""
    text: str = ""
    """Why it failed."""


@dataclass(frozen=True, kw_only=True)
class Picture:
    """One picture of a chart, whole: the page loads nothing."""

    source: str
    """PNG or JPEG as a `data:` address."""
    text: str
    """Caption, such as the prompt."""

    @property
    def is_plain(self) -> bool:
        """Whether the page may show it: reports of others can contain anything."""
        return len(self.source) <= MAX_SOURCE and _SOURCE.fullmatch(self.source) is not None


type Mark = Point | float | Picture


@dataclass(frozen=True, kw_only=True)
class Chart[M: ModelReport]:
    """One chart; its kind determines which fields apply."""

    key: str
    kind: ChartKind
    title: str
    text: str
    """Caption in whole sentences."""
    read: Callable[[M], Sequence[Mark]] = lambda model: ()
    """Returns the points, one share per part, or the pictures; empty if a model has no data."""
    least: int = 1
    """Minimum number of points of a model to be drawn."""
    x: str = ""
    """Label of the axis."""
    y: str = ""
    doubles: bool = False
    """Whether the x axis is logarithmic (base 2), with the measured values as ticks."""
    counts: bool = False
    """Whether the x axis counts from 1, so that it has whole numbers and no zero."""
    high: str = ""
    """Name of the upper ends of bars, if there are any."""
    series: str = ""
    """What distinguishes the lines of one model."""
    parts: tuple[str, ...] = ()
    """Of SHARES."""
    rest_of: str = ""
    """Part whose complement is printed at the end of each bar."""
    figure: Figure[M] | None = None
    """Of PAIRS."""
    workloads: tuple[tuple[str, str], ...] = ()
    """Names, without version, of pairs of workloads with the same work: fixed, then tuned."""

    def pair_of(self, workload: str) -> tuple[str, str] | None:
        """Return both labels, as in `work/1`, of the pair that contains `workload`."""
        name, _, version = workload.rpartition("/")
        found = next((pair for pair in self.workloads if name in pair), None)
        return (f"{found[0]}/{version}", f"{found[1]}/{version}") if found else None


def shares_of(seconds: Sequence[float]) -> Sequence[float]:
    """Return the shares of parts in their sum; empty where the times are invalid."""
    total = sum(seconds)
    if min(seconds) < 0 or not 0 < total < math.inf:
        return ()
    return [value / total for value in seconds]
