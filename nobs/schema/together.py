"""Replicas on several devices at once: their sum, and what it is of the devices alone."""

from pydantic import AwareDatetime, Field

from nobs.schema.base import Record


class TogetherPart(Record):
    """One device: alone, and beside the others."""

    device: str
    """As in `run.device.name`."""
    run: str
    """Run beside the others."""
    alone_run: str
    """Run alone, before."""
    alone_per_s: float = Field(gt=0)
    """Median of the repeats alone, in `unit` per second."""
    alone_low: float | None = None
    """95 % CI; null for fewer than 6 repeats."""
    alone_high: float | None = None
    rate_per_s: float = Field(gt=0)
    """Median of the repeats that lie whole within the window."""
    rate_low: float | None = None
    """95 % CI; null for fewer than 6 repeats."""
    rate_high: float | None = None
    repeats: int = Field(gt=0)
    """Repeats within the window."""


class Together(Record):
    """One model on all devices at once."""

    workload: str
    """Label: `NAME/VERSION`."""
    model: str
    unit: str
    """What rates count, as in `rows`."""
    start: AwareDatetime
    """The window in which every device was measuring: from here ..."""
    end: AwareDatetime
    """... to here. Repeats outside of it don't count."""
    parts: tuple[TogetherPart, ...] = Field(min_length=2)
    """The devices, in the order of the command."""
    aggregate_per_s: float = Field(gt=0)
    """Sum of `rate_per_s`."""
    aggregate_low: float | None = None
    """95 % CI; null where a device has none."""
    aggregate_high: float | None = None
    efficiency: float = Field(gt=0)
    """Scaling efficiency: `aggregate_per_s` over the sum of `alone_per_s`."""
    efficiency_low: float | None = None
    """95 % CI; null where a device has none, together or alone."""
    efficiency_high: float | None = None
    worst: str
    """The device that kept the smallest share of its rate alone."""
    findings: tuple[str, ...] = ()
    """Limits of the host and the devices that may explain a loss, one sentence each."""
