"""Reduced clocks: the reasons that drivers give, and the growth of their counters."""

from collections.abc import Sequence
from math import isnan

from nobs.schema.telemetry import Evidence, Throttling
from nobs.system.telemetry.sampler import Track


def find_throttling(track: Track, masks: Sequence[float]) -> Throttling:
    """Return the reasons in the sampled `masks`, and the growth of the counters."""
    seconds = _violations(track)
    if not masks and not seconds:
        why = track.reader.why_absent("throttle")
        return Throttling(evidence=Evidence.ABSENT, how=why)
    sources = [track.reader.channels["throttle"].how] if masks else []
    sources += sorted({channel.how for channel in track.reader.totals.values()})
    return Throttling(
        evidence=Evidence.MEASURED,
        how=", ".join(sources),
        shares=shares_of(track, masks),
        seconds=seconds,
    )


def shares_of(track: Track, masks: Sequence[float]) -> dict[str, float]:
    """Return the share of the samples with each reason."""
    reasons = track.reader.throttle_reasons.items()
    counts = {name: sum(bool(int(mask) & bit) for mask in masks) for bit, name in reasons}
    return {name: count / len(masks) for name, count in counts.items() if count}


def _violations(track: Track) -> dict[str, float]:
    """Return the growth of the violation counters in seconds.

    Where a reader counts in units of its own, the total `reference` counts all of them.
    """
    grown = growth(track)
    units = grown.pop("reference", None)
    if units is None:
        return grown
    whole_s = track.times[-1] - track.times[0]
    return {name: count / units * whole_s for name, count in grown.items()} if units else {}


def growth(track: Track) -> dict[str, float]:
    """Return the growth of the totals between both ends of the track."""
    if len(track.totals) < 2:
        return {}
    first, last = track.totals[0], track.totals[-1]
    grown = {name: last[name] - first[name] for name in first}
    return {name: value for name, value in grown.items() if not isnan(value)}
