"""From report files to comparisons on stdout."""

from collections.abc import Sequence
from pathlib import Path

import click

from nobs.cli.terminal import columns, wants_color
from nobs.errors import UsageError
from nobs.render.comparison import FORMATS, comparison_text
from nobs.report.compare import Comparison, compare_reports
from nobs.storage.reader import read_report


def show_comparisons(
    baseline: Path,
    others: Sequence[Path],
    form: str,
    fail_below: float | None,
    *,
    force_open: bool,
) -> int:
    """Print the comparisons; return 1 if one is below `fail_below`, 0 otherwise."""
    first = read_report(baseline)
    comparisons = [
        compare_reports(
            first, read_report(other), names=(str(baseline), str(other)), force_open=force_open
        )
        for other in others
    ]
    _refuse_nothing(comparisons)
    if form == "text":
        click.echo(comparison_text(comparisons, width=columns(), color=wants_color()), nl=False)
    else:
        click.echo(FORMATS[form](comparisons), nl=False)
    if fail_below is None:
        return 0
    for each in comparisons:
        for model in each.undecided():
            click.echo(f"nobs: --fail-below says nothing of {model}: too few repeats", err=True)
    return 1 if any(each.is_below(fail_below) for each in comparisons) else 0


def _refuse_nothing(comparisons: Sequence[Comparison]) -> None:
    """Raise UsageError where nothing at all can be compared."""
    if any(comparison.lines for comparison in comparisons):
        return
    reasons = dict.fromkeys(
        str(refusal) for comparison in comparisons for refusal in comparison.refusals
    )
    raise UsageError(
        f"Nothing here can be compared: {'; '.join(reasons) or 'the baseline has no results'}.",
        "Compare runs of the same workload, or look anyway with --force-open.",
    )
