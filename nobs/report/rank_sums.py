"""Machines in order of what all their devices reach at once, or of what that costs."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import groupby
from statistics import median
from typing import Any

from nobs.report.price import Prices
from nobs.report.rank import By, Place, Ranking
from nobs.report.ratio import Ratio
from nobs.report.several import DeviceSum, distinct, sums_of
from nobs.schema.report import Report
from nobs.tasks.figures import Figure, Kind, Measured


def rank_sums(reports: Iterable[Report], *, by: By, prices: Prices) -> list[Ranking]:
    """Return a ranking of the sums of each workload and model; their price is the machine's."""
    sums = distinct(each for report in reports for each in sums_of(report, prices))
    found = []
    for _, group in groupby(sorted(sums, key=_work), _work):
        ranking = _rank(tuple(group), by)
        found += [ranking] if ranking else []
    return found


def _work(each: DeviceSum) -> tuple[str, ...]:
    return (each.together.workload, each.together.model, each.together.unit, *each.work)


def _rank(sums: Sequence[DeviceSum], by: By) -> Ranking | None:
    first = sums[0]
    has_cost = any(each.cost for each in sums)
    rate = _figure("aggregate_per_s", f"{first.together.unit}/s", Kind.RATE)
    cost = _figure(first.cost_key, first.cost_label, Kind.MONEY) if has_cost else None
    if by is By.ENERGY or (by is By.MONEY and cost is None):
        return None
    machines = [tuple(group) for _, group in groupby(sorted(sums, key=_machine), _machine)]
    places = [place for machine in machines if (place := _place(machine, by))]
    places.sort(key=lambda place: place.value if by is By.MONEY else -place.value)
    return Ranking(
        workload=first.together.workload,
        division=first.work[0],
        model=f"{first.together.model}, all devices at once",
        by=by,
        figure=cost if by is By.MONEY and cost else rate,
        cost=cost,
        energy=None,
        places=tuple(_beside(place, places[0], by) for place in places),
        resolution=None,
        is_of_sums=True,
    )


def _machine(each: DeviceSum) -> tuple[str, str]:
    return each.machine, each.hardware


def _place(sums: Sequence[DeviceSum], by: By) -> Place | None:
    """Return the machine, by the median of its runs at once."""
    rates = [Measured(value=each.together.aggregate_per_s, low=each.together.aggregate_low,
                      high=each.together.aggregate_high) for each in sums]  # fmt: skip
    costs = [each.cost for each in sums if each.cost]
    used = costs if by is By.MONEY else rates
    if not used:
        return None
    high = used[0].high if len(used) == 1 else None
    return Place(
        machine=sums[0].machine,
        hardware=sums[0].hardware,
        runs=len(used),
        value=median(each.value for each in used),
        reach=None if high is None else high / used[0].value - 1,
        price=median(each.value for each in costs) if costs else None,
    )


def _beside(place: Place, best: Place, by: By) -> Place:
    """Add the ratio to the best; one run doesn't show how much runs differ, so it has no CI."""
    if place is best:
        return place
    ratio = best.value / place.value if by is By.MONEY else place.value / best.value
    return replace(place, to_best=Ratio(value=ratio, low=ratio, high=ratio, confidence=0.0))


def _figure(key: str, label: str, kind: Kind) -> Figure[Any]:
    return Figure(
        key=key, label=label, kind=kind, lower_is_better=kind is Kind.MONEY, read=lambda model: None
    )
