"""Comparisons as text, markdown and JSON."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from rich.text import Text

from nobs.render.json import to_document
from nobs.render.markdown import escape, markdown_row
from nobs.render.terminal import GroupedTable, TextOutput
from nobs.report.compare import Comparison, Line
from nobs.report.ratio import Ratio
from nobs.tasks.figures import format_value

SCHEMA = "nobs.comparison/1"
NOTE = (
    "Ratios above 1 are better than the baseline. The 95 % CIs assume that runs vary as much as"
    " repeats do, and are Bonferroni-corrected over all ratios of the comparison."
)
_STYLES = {"faster": "green", "slower": "red"}
_COLUMNS = ("model", "figure", "baseline", "other", "ratio", "finding")


def comparison_text(
    comparisons: Sequence[Comparison], *, width: int = 80, color: bool = False
) -> str:
    """Return a table for each comparison, its mean and all other differences."""
    output = TextOutput(width=width, color=color)
    for comparison in comparisons:
        if comparison.lines:
            output.print_table(_build_table(comparison))
        for sentence in _sentences(comparison):
            output.print(sentence)
        if comparison.differences:
            output.print("differences:")
        for name, one, two in comparison.differences:
            output.print(f"{name}: {one} -> {two}", indent="  ")
    output.print(NOTE)
    return output.text


def comparison_markdown(comparisons: Sequence[Comparison]) -> str:
    """Return headings, tables and lists for a pull request."""
    lines = (line for comparison in comparisons for line in _markdown(comparison))
    return "\n".join([*lines, NOTE, ""])


def comparison_json(comparisons: Sequence[Comparison]) -> str:
    """Return exact values for programs."""
    return to_document(SCHEMA, comparisons=[_to_dict(each) for each in comparisons])


FORMATS: Mapping[str, Callable[[Sequence[Comparison]], str]] = {
    "text": comparison_text,
    "markdown": comparison_markdown,
    "json": comparison_json,
}


def _build_table(comparison: Comparison) -> GroupedTable:
    table = GroupedTable(_title(comparison))
    table.add_columns("figure", is_text=True)
    table.add_columns("baseline", "other", "ratio")
    table.add_columns("95 % CI", wraps=True)
    table.add_columns("finding", is_text=True, wraps=True)
    place = ("", "")
    for line in comparison.lines:
        if line.workload != place[0]:
            table.add_caption(line.workload)
        if (line.workload, line.model) != place:
            table.add_caption(line.model, style="")
        place = (line.workload, line.model)
        finding = Text(line.ratio.finding, style=_STYLES.get(line.ratio.finding, ""))
        confidence = f" ({_confidence(line.ratio)})" if _confidence(line.ratio) else ""
        interval = f"{_interval(line.ratio)}{confidence}" or "-"
        table.add_row([*_values(line), f"{line.ratio.value:.3f}", interval, finding])
    return table


def _markdown(comparison: Comparison) -> Iterator[str]:
    yield f"### {escape(_title(comparison))}"
    yield ""
    if comparison.lines:
        yield markdown_row(["workload", *_COLUMNS])
        yield markdown_row(["---", "---", "---", "---:", "---:", "---:", "---"])
    for line in comparison.lines:
        ratio, finding = format_ratio(line.ratio), str(line.ratio.finding)
        cells = (line.workload, line.model, *_values(line), ratio, finding)
        yield markdown_row(map(escape, cells))
    yield ""
    yield from (f"- {escape(sentence)}" for sentence in _sentences(comparison))
    if comparison.differences:
        yield ""
        yield "<details><summary>Differences</summary>"
        yield ""
        yield markdown_row(["", "baseline", "other"])
        yield markdown_row(["---", "---", "---"])
        for difference in comparison.differences:
            yield markdown_row(map(escape, difference))
        yield ""
        yield "</details>"
    yield ""


def _title(comparison: Comparison) -> str:
    return f"{comparison.other} against {comparison.baseline}"


def _values(line: Line) -> tuple[str, str, str]:
    figure = line.figure
    return (
        figure.label,
        format_value(figure, line.baseline),
        format_value(figure, line.other),
    )


def format_ratio(ratio: Ratio) -> str:
    """Return the ratio with its CI, and the confidence where it is below 95 %."""
    inside = ", ".join(filter(None, (_interval(ratio), _confidence(ratio))))
    return f"{ratio.value:.3f} ({inside})" if inside else f"{ratio.value:.3f}"


def _interval(ratio: Ratio) -> str:
    return f"{ratio.low:.3f} - {ratio.high:.3f}" if ratio.confidence else ""


def _confidence(ratio: Ratio) -> str:
    return f"{ratio.confidence:.0%}" if 0 < ratio.confidence < 0.95 else ""


def _sentences(comparison: Comparison) -> Iterator[str]:
    mean = comparison.mean
    if mean is not None:
        yield f"geometric mean: {format_ratio(mean)}, {mean.finding}"
    if comparison.other_limits:
        yield comparison.other_limits
    for reason in comparison.unlike:
        yield f"compared with --force-open: {reason}"
    for refusal in comparison.refusals:
        yield f"not compared: {refusal}"


def _to_dict(comparison: Comparison) -> dict[str, Any]:
    mean = comparison.mean
    return {
        "baseline": comparison.baseline,
        "other": comparison.other,
        "mean": mean and _ratio(mean),
        "lines": [
            asdict(line) | {"figure": line.figure.key, "ratio": _ratio(line.ratio)}
            for line in comparison.lines
        ],
        "refusals": [asdict(refusal) for refusal in comparison.refusals],
        "unlike": comparison.unlike,
        "other_limits": comparison.other_limits,
        "differences": [
            {"name": name, "baseline": one, "other": two}
            for name, one, two in comparison.differences
        ],
    }


def _ratio(ratio: Ratio) -> dict[str, Any]:
    return asdict(ratio) | {"finding": ratio.finding}
