"""Several devices of one machine: their sums at once and the odd one, as sentences."""

from collections.abc import Iterator

from nobs.render.together import together_lines
from nobs.report.leaderboard import Leaderboard
from nobs.report.several import DeviceSum
from nobs.report.together import MAX_EFFICIENCY
from nobs.tasks.figures import Measured
from nobs.text import join_words
from nobs.units import format_money


def several_lines(board: Leaderboard) -> Iterator[str]:
    """Yield the comparison of single devices, then the sums.

    Lines that belong to the one before begin with two blanks.
    """
    for each in board.devices:
        names = ", ".join(device.name for device in each.devices)
        yield f"{each.machine}, {each.workload} {each.model}: {names}, each alone"
        yield from (f"  {sentence}" for sentence in each.sentences)
    for each_sum in board.sums:
        first, *rest = together_lines(each_sum.together)
        yield f"{each_sum.machine}, {first}"
        yield from rest


def short_lines(board: Leaderboard, machine: str) -> Iterator[str]:
    """Yield the odd devices of `machine` and what all reach at once, a sentence for each."""
    for each in board.devices:
        odd = [device.name for device in each.devices if device.is_odd]
        if odd and each.machine == machine:
            verb = "stand out" if len(odd) > 1 else "stands out"
            yield f"{each.workload} {each.model}: {join_words(odd)} {verb}."
    for together in (each.together for each in board.sums if each.machine == machine):
        is_disturbed = together.efficiency > MAX_EFFICIENCY
        end = "disturbed: measure again" if is_disturbed else f"{together.worst} keeps least"
        yield (
            f"{together.workload} {together.model}: {len(together.parts)} devices at once reach"
            f" {together.aggregate_per_s:,.4g} {together.unit}/s, scaling efficiency"
            f" {together.efficiency:.3f}; {end}."
        )


def sum_title(each: DeviceSum) -> str:
    """Return what the sum is of."""
    together = each.together
    return (
        f"{each.machine}, {together.workload} {together.model}: {len(together.parts)} devices at"
        " once"
    )


def cost_line(each: DeviceSum, cost: Measured) -> str:
    """Return what the work of all devices costs."""
    ends = ""
    if cost.low is not None and cost.high is not None:
        ends = f" (95 % CI {format_money(cost.low)} - {format_money(cost.high)})"
    work = each.cost_label.removeprefix("$/")
    price = f"the price of the whole machine {each.machine}: {each.price}"
    return f"{format_money(cost.value)} per {work}{ends} at {price}"
