"""Rankings of machines as one HTML file that needs neither network nor scripts."""

from collections.abc import Iterator, Sequence
from html import escape
from importlib.resources import files
from itertools import groupby

from nobs.render.ranking import NOTE, extra_figures, figure_cells, sentences
from nobs.report.rank import Place, Ranking

_WIDTH, _HEIGHT = 220, 16
"""Of the picture of an interval, in pixels."""
_STYLE = """
thead th { padding: 6px 8px; }
svg { display: block; }
svg .range { stroke: var(--accent); stroke-width: 3; }
svg .value { fill: var(--accent); }
svg .axis { stroke: var(--line); }
tr.odd .range, tr.odd .value { stroke: var(--bad); fill: var(--bad); }
tr.odd th { color: var(--bad); }
tr.group > * { border-top: 2px solid var(--soft); }
section { display: grid; gap: 12px; grid-template-columns: minmax(0, 1fr); }
"""
_PAGE = """<!doctype html>
<html lang="en" data-theme="auto">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>NOBS ranking</title>
<style>
{style}
</style>
</head>
<body>
<header class="bar">
<div>
<h1>NOBS ranking</h1>
<p>{summary}</p>
</div>
</header>
<main>
{sections}
<p class="soft">{note}</p>
</main>
<footer class="bar"><p>Made by <code>nobs rank --html</code>. This file is self-contained: it \
makes no network requests and runs no scripts.</p></footer>
</body>
</html>
"""


def render_ranking_page(rankings: Sequence[Ranking]) -> str:
    """Return the whole page; every text of reports is escaped."""
    machines = {place.machine for ranking in rankings for place in ranking.places}
    style = (files("nobs.render") / "assets" / "page.css").read_text(encoding="utf-8")
    count = f"{len(machines)} machine{'' if len(machines) == 1 else 's'}"
    return _PAGE.format(
        style=style + _STYLE,
        summary=f"{count} by {rankings[0].by}" if rankings else "No machines.",
        sections="\n".join(map(_section, rankings)),
        note=escape(NOTE),
    )


def _section(ranking: Ranking) -> str:
    said = "\n".join(f"<p>{escape(sentence)}</p>" for sentence in sentences(ranking))
    return f"""<section>
<div class="head"><h2>{escape(ranking.workload)}</h2>
<span class="badge {escape(ranking.division)}">{escape(ranking.division)}</span></div>
<div class="panel scroll" tabindex="0" role="region" aria-label="{escape(ranking.model)}">
{_table(ranking)}
</div>
{said}
</section>"""


def _table(ranking: Ranking) -> str:
    extra = extra_figures(ranking)
    texts = ["#", "group", "machine", ranking.figure.label, "95 % CI", "interval", "vs best"]
    heads = [*texts, *(figure.label for figure in extra)]
    cells = "".join(
        f'<th scope="col"{"" if head in ("machine", "interval") else _NUMBER}>{escape(head)}</th>'
        for head in heads
    )
    return f"""<table>
<caption><span>{escape(ranking.model)}</span></caption>
<thead><tr>{cells}</tr></thead>
<tbody>
{"".join(_rows(ranking))}</tbody>
</table>"""


_NUMBER = ' class="num"'


def _rows(ranking: Ranking) -> Iterator[str]:
    """Yield the machines, each group set off from the one before."""
    low, high = _ends(ranking)
    number = 0
    for _, group in groupby(ranking.places, key=lambda place: place.group):
        for index, place in enumerate(group):
            number += 1
            classes = " ".join(
                ["group"] * (index == 0 and number > 1) + ["odd"] * (place.oddity is not None)
            )
            start = f'<tr class="{classes}">' if classes else "<tr>"
            yield f"{start}{_row(ranking, number, place, low, high)}</tr>\n"


def _row(ranking: Ranking, number: int, place: Place, low: float, high: float) -> str:
    runs = f", {place.runs} runs" if place.runs > 1 else ""
    value, reach, *behind = figure_cells(ranking, place)
    group = "-" if place.group is None else str(place.group)
    name = f"{escape(place.machine)}<small>{escape(place.hardware + runs)}</small>"
    return "".join([
        *map(_number, [str(number), group]),
        f'<th scope="row" class="name">{name}</th>',
        *map(_number, [value, reach]),
        f"<td>{_picture(place, low, high)}</td>",
        *map(_number, behind),
    ])  # fmt: skip


def _number(text: str) -> str:
    return f"<td{_NUMBER}>{escape(text)}</td>"


def _reach(place: Place) -> tuple[float, float]:
    factor = 1 + (place.reach or 0.0)
    return place.value / factor, place.value * factor


def _ends(ranking: Ranking) -> tuple[float, float]:
    """Return the least and the greatest value that the pictures show."""
    lows, highs = zip(*map(_reach, ranking.places), strict=True)
    return min(lows), max(highs)


def _picture(place: Place, low: float, high: float) -> str:
    """Return the interval on the axis that all machines share; beside it stands its text."""

    def at(value: float) -> float:
        share = (value - low) / (high - low) if high > low else 0.5
        return round(6 + share * (_WIDTH - 12), 1)

    left, right = map(at, _reach(place))
    middle = _HEIGHT // 2
    line = f'x1="{left}" x2="{right}" y1="{middle}" y2="{middle}"'
    return (
        f'<svg width="{_WIDTH}" height="{_HEIGHT}" aria-hidden="true">'
        f'<line class="axis" x1="0" x2="{_WIDTH}" y1="{middle}" y2="{middle}"/>'
        f'<line class="range" {line}/>'
        f'<circle class="value" cx="{at(place.value)}" cy="{middle}" r="4"/></svg>'
    )
