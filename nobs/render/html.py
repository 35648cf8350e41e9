"""A leaderboard as one HTML file that needs no network: page, data, script and charts."""

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict
from importlib.resources import files
from typing import Any

from nobs.render.cells import interval_cell
from nobs.render.several import cost_line
from nobs.render.together import together_lines
from nobs.report.leaderboard import Leaderboard, Row, Table
from nobs.report.several import DeviceSum
from nobs.tasks.charts import Chart, Mark, Picture, Point
from nobs.tasks.figures import Figure, Kind, Measured, format_value

_ASSETS = files("nobs.render") / "assets"
_LIBRARIES = (("d3.min.js", "LICENSE-d3.txt"), ("plot.umd.min.js", "LICENSE-plot.txt"))
_OWN_SCRIPTS = ("page.js", "tables.js", "devices.js", "charts.js", "kinds.js")
_DIGITS = 6


def render_html(board: Leaderboard) -> str:
    """Return the whole page; all text of reports stands in its data, where nothing is markup."""
    scripts = [f"/*\n{_read(licence)}*/\n{_read(name)}" for name, licence in _LIBRARIES]
    scripts += [_read(name) for name in _OWN_SCRIPTS]
    parts = {
        "policy": _policy(scripts),
        "style": _read("page.css"),
        "data": to_script(page_data(board)),
        "scripts": "\n".join(f"<script>{script}</script>" for script in scripts),
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda found: parts[found[1]], _read("page.html"))


def to_script(value: object) -> str:
    """Return JSON that no text in it can end: every `<` is escaped."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c")


def page_data(board: Leaderboard) -> dict[str, Any]:
    """Return what the page's script reads: figures as numbers and as the text to show."""
    places = {host.run: index for index, host in enumerate(board.hosts)}
    return {
        "tables": [_table(table, places) for table in board.tables],
        "hosts": [asdict(host) for host in board.hosts],
        "skipped": [asdict(each) for each in board.skipped],
        "devices": [asdict(each) for each in board.devices],
        "sums": [_sum(each) for each in board.sums],
    }


def _sum(each: DeviceSum) -> dict[str, Any]:
    """Return a sum as its texts in the terminal, and its parts for a table."""
    found = each.together
    first, *lines = [line.strip() for line in together_lines(found)]
    count = len(found.parts)
    return {
        "title": f"{each.machine}, {first}",
        "hardware": each.hardware,
        "facts": [*lines[:2], *([cost_line(each, each.cost)] if each.cost else [])],
        "notes": lines[2 + count :],
        "unit": f"{found.unit}/s",
        "parts": [
            {
                "device": part.device,
                "rate": f"{part.rate_per_s:,.4g}",
                "alone": f"{part.alone_per_s:,.4g}",
                "kept": f"{part.rate_per_s / part.alone_per_s:.3f}",
                "worst": part.device == found.worst,
            }
            for part in found.parts
        ],
    }


def _table(table: Table, places: Mapping[str, int]) -> dict[str, Any]:
    return {
        "workload": table.workload,
        "division": table.division,
        "figures": [_figure(figure) for figure in table.figures],
        "charts": [_chart(table, chart) for chart in table.charts],
        "rows": [_row(table, row, rank, places[row.run]) for rank, row in table.ranked()],
    }


def _chart(table: Table, chart: Chart[Any]) -> dict[str, Any]:
    """Return what the script draws the chart by; it knows kinds only."""
    names = ("key", "kind", "title", "text", "least", "x", "y", "doubles", "counts", "high",
             "series", "parts", "rest_of")  # fmt: skip
    figure = chart.figure.key if chart.figure else None
    pair = chart.pair_of(table.workload)
    return {name: getattr(chart, name) for name in names} | {"figure": figure, "pair": pair}


def _figure(figure: Figure[Any]) -> dict[str, Any]:
    return {
        "key": figure.key,
        "label": figure.label,
        "title": figure.title or figure.label,
        "meaning": figure.meaning,
        "axis": f"{figure.label}, s" if figure.kind is Kind.SECONDS else figure.label,
        "share": figure.kind is Kind.SHARE,
        "lower": figure.lower_is_better,
        "charted": figure.is_charted,
    }


def _row(table: Table, row: Row, rank: int | None, host: int) -> dict[str, Any]:
    held = [figure for figure in table.figures if figure.key in row.figures]
    return {
        "rank": rank,
        "host": host,
        "hardware": row.hardware,
        "under": row.under,
        "ambiguous": table.is_ambiguous(row),
        "device": row.device,
        "model": row.model,
        "settings": row.settings,
        "status": row.status,
        "why": row.why,
        "verdict": row.verdict,
        "open": row.open_reasons,
        "warnings": row.warnings,
        "price": row.price,
        "figures": {figure.key: _measured(figure, row.figures) for figure in held},
        "samples": [_short(sample) for sample in row.samples],
        "starts": [_short(start_s) for start_s in row.starts_s],
        "charts": {key: [_mark(each) for each in held] for key, held in row.charts.items()},
    }


def _mark(mark: Mark) -> list[str | float | None] | float | None:
    """Return a share, or x, y and what else a point has; the end that says nothing is left out."""
    if isinstance(mark, Picture):
        return [mark.source, mark.text]
    if not isinstance(mark, Point):
        return _short(mark)
    values = [_short(mark.x), _short(mark.y), _short(mark.high), mark.series, mark.text]
    while values[-1] in (None, ""):
        values.pop()
    return values


def _measured(figure: Figure[Any], figures: Mapping[str, Measured]) -> dict[str, Any]:
    measured = figures[figure.key]
    interval = interval_cell(figure, figures)
    return {
        "value": _short(measured.value),
        "low": _short(measured.low),
        "high": _short(measured.high),
        "text": format_value(figure, measured.value),
        "interval": "" if interval == "-" else interval.replace(" - ", " \N{EN DASH} "),
    }


def _short(value: float | None) -> float | None:
    """Return `value` with as many digits as a picture can show."""
    return None if value is None else float(f"{value:.{_DIGITS}g}")


def _policy(scripts: list[str]) -> str:
    """Return a policy that runs these scripts and loads nothing; the chart library sets styles.

    Pictures are part of the page.
    """
    digests = (hashlib.sha256(script.encode()).digest() for script in scripts)
    sources = " ".join(f"'sha256-{base64.b64encode(each).decode()}'" for each in digests)
    return (
        f"default-src 'none'; script-src {sources}; style-src 'unsafe-inline'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def _read(name: str) -> str:
    return (_ASSETS / name).read_text(encoding="utf-8")
