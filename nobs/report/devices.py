"""The devices of one machine side by side: which one is slow, hot or on a narrow link."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from nobs.report.limits import link_of, link_rate
from nobs.report.machine import host_of, name_of
from nobs.report.price import Prices
from nobs.report.rank import MIN_ALIKE, Place, Ranking, rank
from nobs.report.ratio import Finding, Ratio
from nobs.report.several import ComparedDevice, ComparedDevices
from nobs.schema.report import Report
from nobs.schema.telemetry import DeviceKind, DeviceTelemetry
from nobs.tasks.figures import format_value
from nobs.text import to_line
from nobs.units import format_share

HOTTER_K = 10.0
"""Differences of the hottest samples below this are normal between the slots of a machine."""


@dataclass(frozen=True, kw_only=True)
class DevicePlace:
    """One device's result of one model; texts are safe to print."""

    device: str
    place: Place
    is_slower_than_best: bool
    """Whether the 95 % CI, corrected for the number of devices, is below the best device."""
    observations: tuple[str, ...] = ()
    """What may explain an odd speed: heat, throttling, the PCIe link."""


@dataclass(frozen=True, kw_only=True)
class DeviceComparison:
    """The devices that measured one model, in the order of measuring."""

    ranking: Ranking
    places: tuple[DevicePlace, ...]

    @property
    def has_test(self) -> bool:
        """Whether enough devices of one model have enough repeats to name an odd one."""
        return self.ranking.resolution is not None

    @property
    def odd(self) -> tuple[DevicePlace, ...]:
        """Return the devices that differ significantly from the others of their model."""
        return tuple(each for each in self.places if each.place.oddity is not None)


def compare_devices(reports: Sequence[Report]) -> list[DeviceComparison]:
    """Compare reports that differ in their chosen device, for each workload and model.

    The test is that of `nobs rank`: each device against the median of the others of its model,
    Student's interval of the logarithms, Bonferroni-corrected for the number of devices. It needs
    three devices of a model: of two that differ, nobody can say which one is odd.
    """
    named = {name_of(report): report for report in reports}
    found = []
    for ranking in rank(reports, prices=Prices()):
        order = list(named)
        placed = [each for each in ranking.places if each.machine in named]
        placed.sort(key=lambda each: order.index(each.machine))
        if len(placed) > 1:
            places = tuple(_compare(each, named, ranking.model) for each in placed)
            found.append(DeviceComparison(ranking=ranking, places=places))
    return found


def describe_devices(reports: Iterable[Report]) -> tuple[ComparedDevices, ...]:
    """Return how devices of one machine compare, each alone, in the latest report of each."""
    machines: dict[str, dict[str, Report]] = {}
    for report in sorted(reports, key=lambda each: each.timestamp):
        if report.run.device and not report.run.together:
            machines.setdefault(host_of(report), {})[name_of(report)] = report
    return tuple(
        _describe(machine, compared)
        for machine, named in sorted(machines.items())
        for compared in compare_devices([named[name] for name in sorted(named)])
    )


def _describe(machine: str, compared: DeviceComparison) -> ComparedDevices:
    ranking, share = compared.ranking, "\N{PLUS-MINUS SIGN}"
    return ComparedDevices(
        machine=machine,
        workload=f"{ranking.workload} ({ranking.division})",
        model=ranking.model,
        label=ranking.figure.label,
        devices=tuple(
            ComparedDevice(
                name=each.device,
                hardware=each.place.hardware,
                value=format_value(ranking.figure, each.place.value),
                reach="" if each.place.reach is None else share + format_share(each.place.reach),
                to_best=each.place.to_best.value if each.place.to_best else None,
                is_odd=each.place.oddity is not None,
            )
            for each in compared.places
        ),
        sentences=tuple(explain(compared)),
    )


def short_name(report: Report) -> str:
    """Return the name of the chosen device; of a run without one, its backend."""
    return to_line(report.run.device.name if report.run.device else report.run.backend)


def _compare(place: Place, reports: Mapping[str, Report], model: str) -> DevicePlace:
    own = reports[place.machine]
    others = [report for name, report in reports.items() if name != place.machine]
    mine, theirs = _gpu(own, model), [gpu for r in others if (gpu := _gpu(r, model))]
    seen = [*_find_heat(mine, theirs), *_find_link(mine, theirs)] if mine and theirs else []
    return DevicePlace(
        device=short_name(own),
        place=place,
        is_slower_than_best=place.to_best is not None and place.to_best.finding is Finding.SLOWER,
        observations=(*seen, *place.hints),
    )


def _gpu(report: Report, model: str) -> DeviceTelemetry | None:
    """Return the sensors of the GPU that computed `model`, as rankings name it."""
    found = (
        device
        for task in report.tasks
        for name, each in task.models.items()
        if to_line(name) == model and each.telemetry
        for device in each.telemetry.devices
        if device.kind is DeviceKind.GPU
    )
    return next(found, None)


def _find_heat(mine: DeviceTelemetry, others: Sequence[DeviceTelemetry]) -> Iterator[str]:
    degrees = [each.temperature_max_c.value for each in others]
    known = [value for value in degrees if value is not None]
    own = mine.temperature_max_c.value
    if own is not None and known and own - median(known) >= HOTTER_K:
        yield f"hot: {own:.0f} °C, {own - median(known):.0f} K above the others"


def _find_link(mine: DeviceTelemetry, others: Sequence[DeviceTelemetry]) -> Iterator[str]:
    """Yield a link that is slower than the fastest of the others: fewer lanes or an older one."""
    links = [link for each in others if (link := link_of(each))]
    own = link_of(mine)
    if not own or not links:
        return
    best = max(links, key=link_rate)
    if link_rate(own) < link_rate(best):
        yield f"narrow link: PCIe {own[0]:.0f} x{own[1]:.0f}, others {best[0]:.0f} x{best[1]:.0f}"


def explain(comparison: DeviceComparison) -> Iterator[str]:
    """Yield which device stands out, and how large a difference would have been found."""
    ranking = comparison.ranking
    for each in comparison.odd:
        if each.place.oddity:
            yield (
                f"{each.device} stands out: {_change(each.place.oddity)} the others of its model"
                f"{_reasons(each)}"
            )
    if not comparison.odd and ranking.resolution is not None:
        yield (
            "No device stands out: one that differs by"
            f" {format_share(ranking.resolution)} would be detected in 19 of 20 cases."
        )
    for each in comparison.places:
        is_pair = not comparison.has_test and each.is_slower_than_best
        if is_pair and each.place.to_best:
            yield f"{each.device}: {_change(each.place.to_best)} the fastest{_reasons(each)}"
        elif each.observations and each.place.oddity is None:
            yield f"{each.device}: {'; '.join(each.observations)}"
    if not comparison.has_test:
        yield (f"No test for outlying devices: it needs {MIN_ALIKE} of one model, and repeats.")


def _change(ratio: Ratio) -> str:
    change = ratio.value - 1
    more = "above" if change > 0 else "below"
    ends = f"95 % CI of the ratio {ratio.low:.3f} - {ratio.high:.3f}"
    return f"{format_share(abs(change))} ({ends}) {more}"


def _reasons(each: DevicePlace) -> str:
    return f"; {'; '.join(each.observations)}" if each.observations else ""
