"""An output format: the models, one per line."""

from nobs.report.leaderboard import Leaderboard


def render_names(board: Leaderboard) -> str:
    """Return workload and model of each row."""
    return "".join(
        f"{table.workload} {row.model} {row.status}\n"
        for table in board.tables
        for row in table.rows
    )
