"""Machines in order of throughput, energy or money, in groups that don't differ."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import groupby
from math import exp
from typing import Any

from nobs.report.machines import (
    Entry,
    Machine,
    has_runs,
    hints_of,
    machines_of,
    read_entries,
    runs_of,
    value_of,
)
from nobs.report.noise import (
    MOST_RUNS,
    Noise,
    centre_of,
    difference_found,
    is_odd,
    noise_of,
    ratio_of_machines,
    ratio_to_others,
    runs_needed,
)
from nobs.report.price import Prices
from nobs.report.ratio import Finding, Ratio
from nobs.schema.report import Report
from nobs.tasks.base import TaskDefinition
from nobs.tasks.figures import Figure, Kind

SLOW_CARD = 0.05
"""Difference of a card that its buyer wants to know about."""
MIN_ALIKE = 3
"""Of two machines that differ, nobody can say which one is odd."""


class By(StrEnum):
    """What machines are ordered by."""

    THROUGHPUT = "throughput"
    ENERGY = "energy"
    MONEY = "money"


@dataclass(frozen=True, kw_only=True)
class Place:
    """One machine in a ranking; texts are safe to print."""

    machine: str
    hardware: str
    runs: int
    value: float
    reach: float | None
    """Half width of the 95 % CI as a share of the value, runs included; None if unknown."""
    group: int | None = None
    """From 1; machines of one group don't differ significantly from its best."""
    to_best: Ratio | None = None
    """Over the best machine, below 1 if it is worse."""
    per_joule: float | None = None
    price: float | None = None
    """Dollars per work, at the claimed price."""
    oddity: Ratio | None = None
    """Over the median of the other machines of its model, if it differs significantly."""
    hints: tuple[str, ...] = ()
    """Warnings in its reports that may explain it."""


@dataclass(frozen=True, kw_only=True)
class Ranking:
    """The machines of one workload and model, best first."""

    workload: str
    division: str
    model: str
    by: By
    figure: Figure[Any]
    """What is ordered."""
    cost: Figure[Any] | None
    energy: Figure[Any] | None
    places: tuple[Place, ...]
    resolution: float | None
    """Share by which one machine must be worse than the others of its model to be named in 19 of
    20 cases; None if there are too few machines of a model, or repeats."""
    is_of_sums: bool = False
    """Whether places are sums of devices that measured at once."""
    needed: int | None = None
    """Runs of each machine for which `SLOW_CARD` would do; None if too many, or unknown."""
    missing: tuple[str, ...] = ()
    """Machines that measured the work, but have no price or energy to be ordered by."""


def rank(reports: Iterable[Report], *, by: By = By.THROUGHPUT, prices: Prices) -> list[Ranking]:
    """Return a ranking for each workload and model that any report has figures for.

    Reports of one named node are runs of one machine. Unnamed reports are taken for machines of
    their own: a name that machines share would hide the odd one.
    """
    entries = read_entries(reports, prices)
    found = (_rank(key, tuple(group), by) for key, group in groupby(entries, lambda each: each.key))
    return [ranking for ranking in found if ranking is not None]


def _rank(key: tuple[str, ...], entries: Sequence[Entry], by: By) -> Ranking | None:
    definition = entries[0].definition
    headline = next((f for f in definition.figures if f.is_charted and has_runs(f, entries)), None)
    if headline is None:
        return None
    energy = next((f for f in definition.figures if f.key.endswith("_per_joule")), None)
    figure, priced = headline, _priced(definition, headline, entries)
    if by is By.ENERGY and energy is not None:
        figure = energy
    elif by is By.MONEY and priced is not None:
        figure = priced
    elif by is not By.THROUGHPUT:
        return None
    measured = list(machines_of(entries))
    machines = [
        replace(machine, runs=runs)
        for machine in measured
        if (runs := runs_of(machine, figure, headline))
    ]
    if not machines:
        return None
    ranked = {machine.name for machine in machines}
    sign = -1 if figure.lower_is_better else 1
    machines.sort(key=lambda machine: (-sign * centre_of(machine.runs), machine.name))
    noises = _noises(machines)
    places = list(_group(machines, noises, figure))
    odd, resolution, needed = _find_odd(machines, noises, figure)
    return Ranking(
        workload=key[0], division=key[1], model=key[2], by=by, figure=figure, cost=priced,
        energy=energy,
        places=tuple(
            replace(
                place,
                per_joule=value_of(machine, energy),
                price=value_of(machine, priced),
                oddity=odd.get(machine.name),
                hints=hints_of(machine),
            )
            for place, machine in zip(places, machines, strict=True)
        ),
        resolution=resolution,
        needed=needed,
        missing=tuple(machine.name for machine in measured if machine.name not in ranked),
    )  # fmt: skip


def _priced(
    definition: TaskDefinition, headline: Figure[Any], entries: Sequence[Entry]
) -> Figure[Any] | None:
    """Return the cost of the headline's work, if any machine has a price."""
    cost = headline.cost or next((f.cost for f in definition.figures if f.cost), None)
    if cost is None or not any(cost.key in entry.values for entry in entries):
        return None
    return Figure(
        key=cost.key, label=cost.label, meaning=f"US dollars per {cost.work}", kind=Kind.MONEY,
        lower_is_better=True, read=lambda model: None,
    )  # fmt: skip


def _noises(machines: Sequence[Machine]) -> dict[str, Noise | None]:
    """Return the noise of each hardware."""
    names = {machine.hardware for machine in machines}
    return {name: noise_of([m.runs for m in machines if m.hardware == name]) for name in names}


def _group(
    machines: Sequence[Machine], noises: Mapping[str, Noise | None], figure: Figure[Any]
) -> Iterator[Place]:
    """Yield the places; a group ends at the first machine that is worse than the group's best."""

    def ratio(one: Machine, other: Machine) -> Ratio:
        noise = noises[one.hardware], noises[other.hardware]
        found = ratio_of_machines(
            one.runs, other.runs, noise, lower_is_better=figure.lower_is_better
        )
        return found.widened(max(1, len(machines) - 1))

    number, leader = 1, machines[0]
    for machine in machines:
        noise = noises[machine.hardware]
        if machine is not leader and ratio(leader, machine).finding is Finding.SLOWER:
            number, leader = number + 1, machine
        yield Place(
            machine=machine.name,
            hardware=machine.hardware,
            runs=len(machine.runs),
            value=exp(centre_of(machine.runs)),
            reach=exp(noise.reach(len(machine.runs))) - 1 if noise else None,
            group=number if noise else None,
            to_best=None if machine is machines[0] else ratio(machines[0], machine),
        )


def _find_odd(
    machines: Sequence[Machine], noises: Mapping[str, Noise | None], figure: Figure[Any]
) -> tuple[dict[str, Ratio], float | None, int | None]:
    """Return the machines that differ from the others of their model, and what could be found.

    Last come the runs of each machine for `SLOW_CARD`.
    """
    odd, resolutions, needed = {}, [0.0], [0]
    for hardware, noise in noises.items():
        alike = [machine for machine in machines if machine.hardware == hardware]
        if noise is None or len(alike) < MIN_ALIKE:
            continue
        for machine in alike:
            others = [each.runs for each in alike if each is not machine]
            found = ratio_to_others(
                machine.runs, others, noise, lower_is_better=figure.lower_is_better
            )
            if is_odd(found):
                odd[machine.name] = found
        fewest = min(len(machine.runs) for machine in alike)
        resolutions.append(difference_found(noise, fewest, len(alike)))
        needed.append(runs_needed(noise, len(alike), SLOW_CARD) or MOST_RUNS + 1)
    resolution, runs = max(resolutions) or None, max(needed)
    return odd, resolution, runs if 0 < runs <= MOST_RUNS else None
