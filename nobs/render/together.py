"""Replicas on several devices at once, as text."""

from collections.abc import Iterator

from nobs.schema.together import Together
from nobs.text import to_line


def together_lines(together: Together) -> Iterator[str]:
    """Yield the sum, the efficiency, each device and what may explain a loss."""
    span_s = (together.end - together.start).total_seconds()
    unit, count = to_line(together.unit), len(together.parts)
    yield f"{to_line(together.workload)} {to_line(together.model)}: {count} devices at once"
    total = f"{together.aggregate_per_s:,.4g} {unit}/s"
    yield (
        f"  aggregate {total}{_ci(together.aggregate_low, together.aggregate_high)},"
        f" measured for {span_s:.1f} s"
    )
    single = sum(part.alone_per_s for part in together.parts)
    yield (
        f"  scaling efficiency {together.efficiency:.3f}"
        f"{_ci(together.efficiency_low, together.efficiency_high)}"
        f" of the devices alone, {single:,.4g} {unit}/s"
    )
    for part in together.parts:
        worst = ", the worst" if part.device == together.worst else ""
        yield (
            f"  {to_line(part.device)}: {part.rate_per_s:,.4g} {unit}/s, alone"
            f" {part.alone_per_s:,.4g}: {part.rate_per_s / part.alone_per_s:.3f} kept{worst}"
        )
    for finding in together.findings:
        yield f"  {to_line(finding)}"
    if together.efficiency_low is None:
        yield "  No CI: that needs 6 repeats of each device, alone and at once."


def _ci(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f" (95 % CI {low:,.4g} - {high:,.4g})"
