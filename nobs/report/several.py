"""Several devices of one machine as readers see them: their sum at once, and the odd one."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from nobs.report.machine import AT_ONCE, hardware_of, host_of, name_of
from nobs.report.price import Price, Prices
from nobs.schema.enums import Backend
from nobs.schema.report import Report
from nobs.schema.together import Together
from nobs.tasks.figures import Measured
from nobs.text import join_words, to_line

COST_UNITS = 1000
"""Units of work that the cost of a sum is for."""


@dataclass(frozen=True, kw_only=True)
class DeviceSum:
    """Replicas on several devices of a machine at once; its price is that of the whole machine."""

    machine: str
    """Safe to print, as are all other texts."""
    hardware: str
    together: Together
    work: tuple[str, str]
    """Division, and fingerprint of the workload: what is comparable."""
    price: str = ""
    """Claimed price of the machine, and where it was claimed."""
    cost: Measured | None = None
    """US dollars per 1,000 units, at that price."""

    @property
    def cost_key(self) -> str:
        """Return the name of the cost in CSV and JSON."""
        return f"usd_per_{COST_UNITS}_{self.together.unit}"

    @property
    def cost_label(self) -> str:
        """Return the heading of the cost."""
        return f"$/{COST_UNITS:,} {self.together.unit}"


@dataclass(frozen=True, kw_only=True)
class ComparedDevice:
    """One device alone; texts are safe to print."""

    name: str
    hardware: str
    value: str
    """Its headline figure, for people."""
    reach: str
    """Half width of the 95 % CI, for people."""
    to_best: float | None
    is_odd: bool


@dataclass(frozen=True, kw_only=True)
class ComparedDevices:
    """Devices of one machine that measured one model alone; texts are safe to print."""

    machine: str
    workload: str
    model: str
    label: str
    """Of the figure."""
    devices: tuple[ComparedDevice, ...]
    sentences: tuple[str, ...]
    """Which one stands out, and what may explain it."""


def sums_of(report: Report, prices: Prices | None = None) -> Iterator[DeviceSum]:
    """Yield the sums in the report of one of the devices."""
    machine = host_of(report)
    price = prices.find(machine) if prices else None
    hardware = hardware_of(report, report.run.backend, report.models)
    if report.run.backend is Backend.CPU:
        hardware = report.device_info.processor
    works = {task.workload.name: task.workload for task in report.tasks}
    for together in report.together:
        work = works.get(together.workload)
        yield DeviceSum(
            machine=machine,
            hardware=to_line(f"{len(together.parts)} devices; {hardware}"),
            together=_safe(together),
            work=(str(work.division), work.fingerprint) if work else ("", ""),
            price=str(price) if price else "",
            cost=_cost(together, price) if price else None,
        )


@dataclass(frozen=True, kw_only=True)
class PriceNote:
    """Machines that a claimed price doesn't mean, or not all of; texts are safe to print."""

    names: tuple[str, ...]
    text: str


def describe_prices(reports: Iterable[Report], prices: Prices) -> tuple[PriceNote, ...]:
    """Return what the price of a whole machine with several devices means for one of them.

    It isn't passed on to a chosen device. A run that chose none used one GPU of the whole.
    """
    devices: dict[str, list[str]] = {}
    notes = []
    for report in reports:
        machine, name = host_of(report), name_of(report)
        if machine not in prices and machine.partition("@")[0] not in prices:
            continue
        if whole := whole_machine(report):
            notes.append(PriceNote(names=(name,), text=f"The price of {machine} is{whole}."))
        elif report.run.device and name not in prices:
            devices.setdefault(machine, []).append(name)
    return (*dict.fromkeys(notes), *(_of_devices(*each) for each in devices.items()))


def whole_machine(report: Report) -> str:
    """Return words for the price of a run that used one of several GPUs; empty for others."""
    torch = report.environment.get("torch")
    count = torch.get("device_count") if isinstance(torch, Mapping) else None
    if report.run.device or report.run.backend is Backend.CPU:
        return ""
    if not isinstance(count, int) or count < 2:
        return ""
    return f" for the whole machine, of whose {count} GPUs the run used one"


def _of_devices(machine: str, names: Sequence[str]) -> PriceNote:
    alone = [name for name in names if not name.endswith(AT_ONCE)] or names
    text = (
        f"Without a cost: {join_words(tuple(dict.fromkeys(alone)))}. The price of {machine} is for"
        " the whole machine, whose work is the sum of its devices at once (--together). Or give a"
        f" device a price of its own: --price '{alone[0]}=1.20/h', for example."
    )
    return PriceNote(names=tuple(names), text=text)


def distinct(sums: Iterable[DeviceSum]) -> tuple[DeviceSum, ...]:
    """Return each sum once: the report of every device has it."""
    named = {
        (each.machine, each.together.workload, each.together.model,
         tuple(part.run for part in each.together.parts)): each
        for each in sums
    }  # fmt: skip
    return tuple(named.values())


def _safe(together: Together) -> Together:
    """Return it with texts that are safe to print."""
    parts = tuple(
        part.model_copy(
            update={name: to_line(getattr(part, name)) for name in ("device", "run", "alone_run")}
        )
        for part in together.parts
    )
    texts = {
        name: to_line(getattr(together, name)) for name in ("workload", "model", "unit", "worst")
    }
    findings = tuple(map(to_line, together.findings))
    return together.model_copy(update={**texts, "parts": parts, "findings": findings})


def _cost(together: Together, price: Price) -> Measured | None:
    """Return dollars per work; None if electricity is paid, whose use at once isn't summed up."""
    if price.usd_per_kwh is not None:
        return None
    dollars = COST_UNITS * price.usd_per_busy_hour / 3600
    low, high = together.aggregate_low, together.aggregate_high
    return Measured(
        value=dollars / together.aggregate_per_s,
        low=dollars / high if high and low and low > 0 else None,
        high=dollars / low if high and low and low > 0 else None,
        confidence=0.95 if high and low and low > 0 else None,
    )
