"""The clock that someone limited a device to."""

from nobs.schema.telemetry import Evidence, Figure
from nobs.system.telemetry.sampler import Track

HELD = "application-clocks"
"""Reason that NVIDIA's driver gives for a clock that was set or locked."""
HELD_SHARE = 0.5
BELOW = 0.98
"""Clocks above this share of the usual one aren't limited."""


def find_clock_limit(track: Track, start_s: float, end_s: float) -> Figure:
    """Return the limit that the driver reports, else the one that the samples show.

    NVML can't be asked for a locked clock (`nvidia-smi -lgc`). Where the driver names a setting as
    the reason for most of the samples, the limit is the highest clock of these.
    """
    facts = track.reader.facts
    driver = f"the driver of {track.reader.name}"
    if limit := facts.get("clock_limit_hz"):
        return Figure(value=limit, evidence=Evidence.MEASURED, how=driver)
    chosen, usual = facts.get("set_clock_hz"), facts.get("default_set_clock_hz")
    if chosen and usual and chosen < usual:
        return Figure(value=chosen, evidence=Evidence.MEASURED, how=f"{driver}: application clock")
    highest, held = chosen or facts.get("max_clock_hz"), _held_clocks(track, start_s, end_s)
    if not held or not highest or max(held) >= BELOW * highest:
        return Figure.absent("no limit below the usual clock was found")
    how = f"highest clock of the samples with the reason {HELD}; a locked clock can't be read"
    return Figure(value=max(held), evidence=Evidence.ESTIMATED, how=how)


def _held_clocks(track: Track, start_s: float, end_s: float) -> list[float]:
    """Return the clocks of the samples in which a setting held them; empty unless most are."""
    bits = sum(bit for bit, name in track.reader.throttle_reasons.items() if name == HELD)
    clocks = dict(track.series("clock_hz"))
    masks = [(time, mask) for time, mask in track.series("throttle") if start_s <= time <= end_s]
    held = [clocks[time] for time, mask in masks if int(mask) & bits and time in clocks]
    return held if len(held) >= HELD_SHARE * len(masks) else []
