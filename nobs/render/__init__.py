"""Renderers from values to text, without I/O.

An output format is a function from a leaderboard to text, registered in this table.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from nobs.registry import Registry

if TYPE_CHECKING:
    from nobs.report.leaderboard import Leaderboard

type Render = Callable[["Leaderboard"], str]

FORMATS: Registry[Render] = Registry(
    "format",
    {
        "table": "nobs.render.table:render_table",
        "markdown": "nobs.render.markdown:render_markdown",
        "csv": "nobs.render.csv:render_csv",
        "json": "nobs.render.json:render_json",
        "html": "nobs.render.html:render_html",
    },
    group="nobs.formats",
)
