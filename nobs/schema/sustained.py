"""Figures of a sustained measurement: the burst, the quarters and the trend between them."""

from enum import StrEnum

from pydantic import Field

from nobs.schema.base import Record


class Trend(StrEnum):
    """Speed of the last quarter compared with the first."""

    SLOWER = "slower"
    """The 99 % CI of the ratio lies below 0.97."""
    FASTER = "faster"
    """The 99 % CI of the ratio lies above 1.03."""
    STEADY = "steady"
    """Neither."""
    UNKNOWN = "unknown"
    """A quarter has fewer than six repeats."""


class SpeedRatio(Record):
    """A ratio of two speeds, each from the mean time of its repeats."""

    value: float = Field(gt=0)
    low: float = Field(gt=0)
    high: float = Field(gt=0)
    confidence: float = Field(gt=0, lt=1)


class SpeedPart(Record):
    """The repeats of one part; a repeat belongs to the part in which its middle lies."""

    start_s: float
    """Since the first repeat began."""
    end_s: float
    repeats: int
    mean_s: float | None
    """Mean time of a repeat; null without repeats. Parts are compared by it: what slows only some
    repeats hardly changes their median."""
    median_s: float | None
    """Median time of a repeat."""
    foreign_cores: float | None
    """CPU cores that other processes kept busy during the repeats; null where unknown."""
    matmul_flop_per_s: float | None
    """Median rate of the fixed matrix product between the repeats: the speed of the device where
    no sensor shows its clock. Null where it wasn't measured."""


class Sustained(Record):
    """How the speed developed while the same work went on without a pause."""

    burst: SpeedPart
    """The first minute, and at most the first quarter: what a short run measures."""
    quarters: tuple[SpeedPart, ...]
    """Four parts of equal length; the last one is the sustained speed."""
    kept: SpeedRatio | None
    """Speed of the last quarter over that of the burst, at 95 % confidence; null if either has
    fewer than six repeats."""
    change: SpeedRatio | None
    """Speed of the last quarter over that of the first, at 99 % confidence; null as above."""
    trend: Trend
    message: str
    """The trend with what the sensors show of its cause."""
