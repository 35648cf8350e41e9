"""Comparisons for a terminal of 80 columns, for pull requests and for programs."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from io import StringIO
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from nobs.compare import Comparison, Line
from nobs.figures import format_value
from nobs.ratio import Ratio
from nobs.render.markdown import escape, markdown_row

SCHEMA = "nobs.comparison/1"
NOTE = (
    "Ratios above 1 are better than the baseline, in brackets their 95 % intervals,\n"
    "widened so that all of a comparison hold together."
)
_STYLES = {"faster": "green", "slower": "red"}
_COLUMNS = ("model", "figure", "baseline", "other", "ratio", "finding")


def comparison_text(comparisons: Sequence[Comparison], *, color: bool = False) -> str:
    """Return a table for each comparison, its mean and what else differs."""
    file = StringIO()
    console = Console(
        file=file, width=80, force_terminal=color, no_color=not color, highlight=False,
        legacy_windows=False,
    )  # fmt: skip
    for comparison in comparisons:
        if comparison.lines:
            console.print(_draw(comparison))
        for line in [*_sentences(comparison), *_told_differences(comparison)]:
            console.print(Text(line))
    console.print(Text(NOTE))
    return file.getvalue()


def comparison_markdown(comparisons: Sequence[Comparison]) -> str:
    """Return headings, tables and lists for a pull request."""
    lines = (line for comparison in comparisons for line in _markdown(comparison))
    return "\n".join([*lines, NOTE, ""])


def comparison_json(comparisons: Sequence[Comparison]) -> str:
    """Return exact values for programs."""
    document = {"schema": SCHEMA, "comparisons": [_to_dict(each) for each in comparisons]}
    return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


FORMATS: Mapping[str, Callable[[Sequence[Comparison]], str]] = {
    "text": comparison_text,
    "markdown": comparison_markdown,
    "json": comparison_json,
}


def _draw(comparison: Comparison) -> Table:
    table = Table(title=Text(_title(comparison)), title_justify="left", expand=False)
    for name in _COLUMNS:
        table.add_column(name, justify="left" if name in {"model", "finding"} else "right",
                         overflow="fold")  # fmt: skip
    workload = ""
    for line in comparison.lines:
        if line.workload != workload:
            workload = line.workload
            table.add_section()
            table.add_row(Text(workload, style="bold"))
        *cells, finding = _cells(line)
        table.add_row(*map(Text, cells), Text(finding, style=_STYLES.get(finding, "")))
    return table


def _markdown(comparison: Comparison) -> Iterator[str]:
    yield f"### {escape(_title(comparison))}"
    yield ""
    if comparison.lines:
        yield markdown_row(["workload", *_COLUMNS])
        yield markdown_row(["---", "---", "---", "---:", "---:", "---:", "---"])
    for line in comparison.lines:
        yield markdown_row(map(escape, (line.workload, *_cells(line))))
    yield ""
    yield from (f"- {escape(sentence)}" for sentence in _sentences(comparison))
    if comparison.differences:
        yield ""
        yield "<details><summary>What differs</summary>"
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


def _cells(line: Line) -> tuple[str, ...]:
    return (
        line.model,
        line.figure.label,
        format_value(line.figure, line.baseline),
        format_value(line.figure, line.other),
        format_ratio(line.ratio),
        str(line.ratio.finding),
    )


def format_ratio(ratio: Ratio) -> str:
    """Return the ratio with its interval, and the coverage where it is below 95 %."""
    if not ratio.confidence:
        return f"{ratio.value:.3f}"
    coverage = "" if ratio.confidence >= 0.95 else f", {ratio.confidence:.0%}"
    return f"{ratio.value:.3f} ({ratio.low:.3f} - {ratio.high:.3f}{coverage})"


def _sentences(comparison: Comparison) -> Iterator[str]:
    mean = comparison.mean
    if mean is not None:
        yield f"geometric mean: {format_ratio(mean)}, {mean.finding}"
    for reason in comparison.unlike:
        yield f"compared although unlike: {reason}"
    for refusal in comparison.refusals:
        what = " ".join(filter(None, (refusal.workload, refusal.model)))
        yield f"not compared: {what}: {refusal.reason}"


def _told_differences(comparison: Comparison) -> Iterator[str]:
    if comparison.differences:
        yield "what differs:"
    for name, one, two in comparison.differences:
        yield f"  {name}: {one} -> {two}"


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
        "differences": [
            {"name": name, "baseline": one, "other": two}
            for name, one, two in comparison.differences
        ],
    }


def _ratio(ratio: Ratio) -> dict[str, Any]:
    return asdict(ratio) | {"finding": ratio.finding}
