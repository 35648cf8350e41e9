"""Cost of work: claimed prices of machines over measured figures. Claims never enter a report."""

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from nobs.errors import UsageError
from nobs.schema.report import ModelReport
from nobs.tasks.base import TaskDefinition
from nobs.tasks.energy import joules_per_1000
from nobs.tasks.figures import Cost, Figure, Kind, Measured
from nobs.text import to_line
from nobs.units import format_share

HOURS_PER_YEAR = 365.25 * 24
FORMS = "2.49/h (rent), 8000/3y (purchase, used for 3 years) or 8000/3y@40% (busy 40 % of the time)"
_PRICE = re.compile(
    r"\$?(?P<usd>[\d.]+)/(?:h|(?P<years>[\d.]+)y)(?:@(?P<percent>[\d.]+)%)?", re.ASCII
)


@dataclass(frozen=True, kw_only=True)
class Price:
    """A claimed price of a machine."""

    source: str
    """Where it was claimed, as in `--price` or `prices.csv, line 2`."""
    usd_per_hour: float | None = None
    """Rent; null if it was bought or only its power is paid."""
    purchase_usd: float | None = None
    lifetime_years: float | None = None
    duty: float = 1.0
    """Share of the time in which the machine does paid work."""
    usd_per_kwh: float | None = None
    """Of electricity; null where the rent includes it, or it isn't counted."""

    @property
    def usd_per_busy_hour(self) -> float:
        """Price of an hour of work, without power."""
        hours = (self.lifetime_years or 0.0) * HOURS_PER_YEAR
        owned = self.purchase_usd / hours if self.purchase_usd and hours else 0.0
        return (owned + (self.usd_per_hour or 0.0)) / self.duty

    def __str__(self) -> str:
        """Return the claim for people, as in `$8,000 over 3 years (--price)`."""
        parts = []
        if self.usd_per_hour is not None:
            parts.append(f"${self.usd_per_hour:,.10g} per hour")
        if self.purchase_usd is not None:
            parts.append(f"${self.purchase_usd:,.10g} over {self.lifetime_years:g} years")
        if self.duty < 1:
            parts.append(f"busy {format_share(self.duty, 0)} of the time")
        if self.usd_per_kwh is not None:
            parts.append(f"${self.usd_per_kwh:,.10g} per kWh")
        return to_line(f"{', '.join(parts)} ({self.source})")


@dataclass(frozen=True, kw_only=True)
class Prices:
    """All claims of one command."""

    machines: Mapping[str, Price] = field(default_factory=dict)
    """By host, as reports name it; of a remote server, by the host in its URL."""
    usd_per_kwh: float | None = None
    """Of electricity, for machines that were bought or have no price."""

    def __bool__(self) -> bool:
        """Return whether anything was claimed."""
        return bool(self.machines) or self.usd_per_kwh is not None

    def __contains__(self, machine: str) -> bool:
        """Return whether exactly this machine has a price of its own."""
        return machine in self.machines

    def find(self, machine: str) -> Price | None:
        """Return the price of `machine` with its power; None without a claim.

        The price of `HOST` is also that of its nodes, `HOST@NODE`, but not of one of its devices:
        `HOST cuda:1` costs a part of it, which nobody has claimed, see `describe_prices`.
        """
        host, _, node = machine.partition("@")
        found = self.machines.get(machine) or (None if " " in node else self.machines.get(host))
        if self.usd_per_kwh is None:
            return found
        power = Price(source="--power-price", usd_per_kwh=self.usd_per_kwh)
        if found is None:
            # Electricity alone isn't what a device of a priced machine costs.
            return None if any(machine.startswith(f"{each} ") for each in self.machines) else power
        if found.usd_per_hour is not None or found.usd_per_kwh is not None:
            return found
        return Price(**{**vars(found), "usd_per_kwh": self.usd_per_kwh})


def parse_prices(claims: Iterable[str]) -> Iterator[tuple[str, Price]]:
    """Yield machine and price of each `HOST=PRICE`; UsageError if it can't be read."""
    for claim in claims:
        machine, sign, text = claim.rpartition("=")
        found = _PRICE.fullmatch(text.strip())
        if not sign or not machine.strip() or found is None:
            raise _refused(claim)
        usd, duty = _positive(found["usd"]), _positive(found["percent"] or "100")
        years = _positive(found["years"] or "1")
        if usd is None or years is None or duty is None or duty > 100:
            raise _refused(claim)
        rent, bought = (None, usd) if found["years"] else (usd, None)
        yield machine.strip(), Price(
            source="--price", usd_per_hour=rent, purchase_usd=bought, duty=duty / 100,
            lifetime_years=years if bought else None,
        )  # fmt: skip


def parse_power_price(text: str) -> float:
    """Return the dollars per kWh of `0.30` or `0.30/kWh`; UsageError if it can't be read."""
    found = _positive(text.strip().removeprefix("$").removesuffix("/kWh"))
    if found is None:
        raise UsageError(
            f"--power-price {to_line(text)} isn't a price.",
            "Give US dollars per kWh, as in --power-price 0.30.",
        )
    return found


def price_figures(
    task: TaskDefinition, model: ModelReport, figures: Mapping[str, Measured], price: Price
) -> dict[str, Measured]:
    """Return the costs that follow from `figures` of `model` at `price`, by key."""
    power_w = _power_w(task, model) if price.usd_per_kwh is not None else None
    found = {}
    for figure in task.figures:
        value = figures.get(figure.key)
        if figure.cost is None or value is None:
            continue
        hourly = price.usd_per_busy_hour
        if price.usd_per_kwh is not None:
            if power_w is None or not figure.cost.is_metered:
                continue
            hourly += power_w / 1000 * price.usd_per_kwh
        if cost := _cost_of(figure, figure.cost, value, hourly / 3600):
            found[figure.cost.key] = cost
    return found


def machine_of(task: TaskDefinition, model: ModelReport, host: str) -> str:
    """Return the machine whose price applies to `model`, measured from `host`."""
    return to_line(task.find_machine(model) or host)


def _refused(claim: str) -> UsageError:
    return UsageError(
        f"--price {to_line(claim)} isn't a price.", f"Write HOST=PRICE, where PRICE is {FORMS}."
    )


def _positive(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0 < value < math.inf else None


def _power_w(task: TaskDefinition, model: ModelReport) -> float | None:
    """Return the mean power of the devices that did the work; None if it wasn't measured."""
    if model.telemetry is None or task.find_machine(model) is not None:
        return None
    joules = joules_per_1000(model.telemetry, model.device, model.telemetry.span_s).value
    return None if joules is None else joules / 1000


def _cost_of(figure: Figure[Any], cost: Cost, value: Measured, usd_per_s: float) -> Measured | None:
    """Return dollars per work, with the CI that follows from that of the figure."""
    scale = usd_per_s * cost.units

    def at(number: float | None) -> float | None:
        if number is None or number <= 0:
            return None
        dollars = scale * number if figure.kind is Kind.SECONDS else scale / number
        return dollars if math.isfinite(dollars) else None

    middle, ends = at(value.value), [at(value.low), at(value.high)]
    if middle is None:
        return None
    known = [end for end in ends if end is not None]
    if len(known) < 2:
        return Measured(value=middle)
    return Measured(value=middle, low=min(known), high=max(known), confidence=value.confidence)
