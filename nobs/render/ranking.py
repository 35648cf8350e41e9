"""Rankings of machines as text, CSV and JSON."""

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from io import StringIO
from typing import Any

from rich.text import Text

from nobs.render.csv import defuse
from nobs.render.json import to_document
from nobs.render.terminal import GroupedTable, TextOutput
from nobs.report.noise import MOST_RUNS
from nobs.report.rank import SLOW_CARD, Place, Ranking
from nobs.tasks.figures import Figure, format_value
from nobs.text import join_words
from nobs.units import format_share

SCHEMA = "nobs.ranking/1"
MAX_RESOLUTION = 0.5
"""Larger differences need no statistics."""
NOTE = (
    "Machines of one group don't differ significantly from the group's best (95 % CIs, corrected"
    " for the number of machines). The CIs of single runs assume that runs vary as much as repeats"
    " do; with several runs per machine their variation is measured."
)
_FIELDS = ("workload", "division", "model", "by", "rank", "group", "machine", "hardware", "runs",
           "figure", "value", "reach", "to_best", "to_best_low", "to_best_high", "per_joule",
           "price", "oddity", "hints")  # fmt: skip


def ranking_text(rankings: Sequence[Ranking], *, width: int = 80, color: bool = False) -> str:
    """Return a table for each workload and model, with the odd machines below."""
    output = TextOutput(width=width, color=color)
    for ranking in rankings:
        output.print_table(_build_table(ranking))
        for sentence in sentences(ranking):
            output.print(sentence, indent="  ")
        output.print("")
    output.print(NOTE)
    return output.text


def ranking_csv(rankings: Sequence[Ranking]) -> str:
    """Return one line per machine under one heading."""
    file = StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(_FIELDS)
    for ranking in rankings:
        for number, place in enumerate(ranking.places, start=1):
            writer.writerow(_cells(ranking, number, place))
    return file.getvalue()


def ranking_json(rankings: Sequence[Ranking]) -> str:
    """Return exact values for programs."""
    return to_document(SCHEMA, rankings=[_to_dict(ranking) for ranking in rankings])


FORMATS: Mapping[str, Callable[[Sequence[Ranking]], str]] = {
    "table": ranking_text,
    "csv": ranking_csv,
    "json": ranking_json,
}


def _build_table(ranking: Ranking) -> GroupedTable:
    extra = extra_figures(ranking)
    table = GroupedTable(f"{ranking.workload} ({ranking.division}): by {ranking.by}")
    table.add_columns("#", "group")
    table.add_columns("machine", is_text=True, wraps=True)
    table.add_columns(ranking.figure.label, "95 % CI", "vs best")
    table.add_columns(*(figure.label for figure in extra))
    table.add_caption(ranking.model)
    for number, place in enumerate(ranking.places, start=1):
        group = "-" if place.group is None else str(place.group)
        table.add_row([str(number), group, _name(place), *figure_cells(ranking, place)])
    return table


def extra_figures(ranking: Ranking) -> list[Figure[Any]]:
    """Return what is shown beside the figure that orders the machines."""
    both = (ranking.energy, ranking.cost)
    return [figure for figure in both if figure is not None and _is_shown(ranking, figure)]


def reach_cell(place: Place) -> str:
    """Return the half width of the interval."""
    return "-" if place.reach is None else f"\N{PLUS-MINUS SIGN}{format_share(place.reach)}"


def figure_cells(ranking: Ranking, place: Place) -> list[str]:
    """Return the value, its interval, the ratio to the best, and the value of each extra figure."""
    cells = [
        format_value(ranking.figure, place.value),
        reach_cell(place),
        "" if place.to_best is None else f"{place.to_best.value:.3f}",
    ]
    for figure in extra_figures(ranking):
        value = place.per_joule if figure is ranking.energy else place.price
        cells.append("-" if value is None else format_value(figure, value))
    return cells


def _is_shown(ranking: Ranking, figure: Figure[Any]) -> bool:
    """Return whether a column adds something: it isn't the one that orders the machines."""
    if figure.key == ranking.figure.key:
        return False
    name = "per_joule" if figure is ranking.energy else "price"
    return any(getattr(place, name) is not None for place in ranking.places)


def _name(place: Place) -> Text:
    runs = f", {place.runs} runs" if place.runs > 1 else ""
    return Text(f"{place.machine}\n{place.hardware}{runs}", "red" if place.oddity else "")


def sentences(ranking: Ranking) -> Iterator[str]:
    """Yield what the table doesn't show: odd machines, and the least difference that counts."""
    for place in ranking.places:
        if place.oddity is not None:
            change = place.oddity.value - 1
            more = "above" if change > 0 else "below"
            ends = f"95 % CI {place.oddity.low:.3f} - {place.oddity.high:.3f}"
            words = f"{format_share(abs(change))} {more} the others of its model ({ends})"
            yield "; ".join((f"{place.machine}: {words}", *place.hints))
    if ranking.missing:
        yield f"Not ranked, without {ranking.figure.label}: {join_words(ranking.missing)}."
    yield from _about_differences(ranking)
    if ranking.is_of_sums:
        yield (
            "Sums over the devices of a machine aren't grouped, because the variation between runs"
            " is unknown. Their price is that of the whole machine."
        )
    elif any(place.group is None for place in ranking.places):
        yield "Without a group: too few repeats or runs for an interval."


def _about_differences(ranking: Ranking) -> Iterator[str]:
    """Say which machines this ranking can name, and how many runs it takes for 5 %."""
    if ranking.resolution is None:
        return
    if ranking.resolution > MAX_RESOLUTION:
        yield "The runs vary too much to detect a slow machine; add runs of each machine."
    else:
        yield (
            f"A machine that is {format_share(ranking.resolution)} worse than the others of its"
            " model is detected in 19 of 20 cases."
        )
    share = format_share(SLOW_CARD)
    if ranking.resolution <= SLOW_CARD:
        return
    if ranking.needed is None:
        yield f"Detecting {share} needs more than {MOST_RUNS} runs per machine: reduce the noise."
    else:
        yield f"Detecting {share} needs about {ranking.needed} runs per machine."


def _cells(ranking: Ranking, number: int, place: Place) -> list[object]:
    best = place.to_best
    texts = (ranking.workload, ranking.division, ranking.model, str(ranking.by))
    return [
        *map(defuse, texts), number, place.group, defuse(place.machine), defuse(place.hardware),
        place.runs, ranking.figure.key, place.value, place.reach, best and best.value,
        best and best.low, best and best.high, place.per_joule, place.price,
        place.oddity and place.oddity.value, defuse("; ".join(place.hints)),
    ]  # fmt: skip


def _to_dict(ranking: Ranking) -> dict[str, Any]:
    return {
        "workload": ranking.workload,
        "division": ranking.division,
        "model": ranking.model,
        "by": str(ranking.by),
        "figure": ranking.figure.key,
        "resolution": ranking.resolution,
        "runs_needed": ranking.needed,
        "missing": list(ranking.missing),
        "places": [asdict(place) for place in ranking.places],
    }
