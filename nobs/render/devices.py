"""The devices of one machine side by side, as text and as plain values."""

from collections.abc import Sequence
from typing import Any

from rich.text import Text

from nobs.render.ranking import reach_cell
from nobs.render.terminal import GroupedTable, TextOutput
from nobs.report.devices import DeviceComparison, DevicePlace, explain
from nobs.report.ratio import Ratio
from nobs.tasks.figures import format_value

TEST = (
    "Test: each device against the median of the others of its model; Student's t on the logarithms"
    " of the rates, 95 % CI, Bonferroni-corrected for the number of devices. The runs of one device"
    " are taken to differ as much as its repeats do."
)


def devices_text(comparisons: Sequence[DeviceComparison], *, width: int, color: bool) -> str:
    """Return a table of the devices for each model, and a sentence on the odd one below it."""
    output = TextOutput(width=width, color=color)
    for comparison in comparisons:
        output.print_table(_table(comparison))
        for sentence in explain(comparison):
            output.print(sentence, indent="  ")
        output.print("")
    if any(comparison.has_test for comparison in comparisons):
        output.print(TEST)
    return output.text


def devices_values(comparisons: Sequence[DeviceComparison]) -> list[dict[str, Any]]:
    """Return exact values for programs."""
    return [
        {
            "workload": comparison.ranking.workload,
            "model": comparison.ranking.model,
            "figure": comparison.ranking.figure.key,
            "resolution": comparison.ranking.resolution,
            "devices": [_values(each) for each in comparison.places],
        }
        for comparison in comparisons
    ]


def _table(comparison: DeviceComparison) -> GroupedTable:
    ranking = comparison.ranking
    table = GroupedTable(f"{ranking.workload} ({ranking.division}): devices")
    table.add_columns("device", is_text=True, wraps=True)
    table.add_columns(ranking.figure.label, "95 % CI", "vs best")
    table.add_caption(ranking.model)
    for each in comparison.places:
        place = each.place
        table.add_row(
            [
                Text(f"{each.device}\n{place.hardware}", "red" if place.oddity else ""),
                format_value(ranking.figure, place.value),
                reach_cell(place),
                "" if place.to_best is None else f"{place.to_best.value:.3f}",
            ]
        )
    return table


def _values(each: DevicePlace) -> dict[str, Any]:
    place = each.place
    return {
        "device": each.device,
        "hardware": place.hardware,
        "value": place.value,
        "reach": place.reach,
        "to_best": _ratio(place.to_best),
        "is_slower_than_best": each.is_slower_than_best,
        "oddity": _ratio(place.oddity),
        "observations": list(each.observations),
    }


def _ratio(ratio: Ratio | None) -> dict[str, float] | None:
    return {"value": ratio.value, "low": ratio.low, "high": ratio.high} if ratio else None
