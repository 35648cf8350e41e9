"""A leaderboard on one screen: this host against the best machine for each model."""

from itertools import groupby

from nobs.render.cells import heading, precise_cell, value_cell
from nobs.render.several import short_lines
from nobs.render.terminal import GroupedTable, TextOutput
from nobs.report.leaderboard import Leaderboard, Row, Table
from nobs.text import shorten


def render_overview(board: Leaderboard, host: str, *, width: int = 80, color: bool = False) -> str:
    """Return one line per workload and model; `host` is the name of this machine in reports.

    Of several devices of this machine, the best one counts.
    """
    output = TextOutput(width=width, color=color)
    own_runs = {section.run for section in board.hosts if section.machine == host}
    is_measured = bool(own_runs)
    model_room = 24 if width >= 80 else 14
    # The other columns and the gaps take about 33 characters, 13 without this host's.
    machine_room = width - model_room - (33 if is_measured else 13)
    best_of = f"best of {len(board.hosts)} reports"
    table = GroupedTable(f"{host} against the {best_of}" if is_measured else f"The {best_of}")
    table.add_columns("model", is_text=True)
    table.add_columns(*(("this host", "rank") if is_measured else ()), "best")
    table.add_columns("machine", is_text=True)
    for each in board.tables:
        table.add_caption(f"{heading(each)}, {each.headline.label}")
        for _, group in groupby(each.ranked(), key=lambda pair: pair[1].model):
            rows = list(group)
            own = next((pair for pair in rows if pair[1].run in own_runs), None)
            _, best = rows[0]
            cells = [shorten(best.model.split("/")[-1], model_room)]
            if is_measured:
                cells += _own_cells(each, own, sum(rank is not None for rank, _ in rows))
            own_name = f"this host{own[1].host.removeprefix(host)}" if own else ""
            is_own = own is not None and own[1] is best
            machine = own_name if is_own else best.hardware
            table.add_row([*cells, *_best_cells(each, best, shorten(machine, machine_room))])
    output.print_table(table)
    for line in short_lines(board, host):
        output.print(line)
    output.print("All machines, with CIs: nobs report --all")
    return output.text


def _own_cells(table: Table, own: tuple[int | None, Row] | None, ranked: int) -> tuple[str, str]:
    if own is None:
        return "-", "-"
    rank, row = own
    shown = precise_cell(table.headline, row.figures) if row.is_ok else row.status
    return shown, f"{rank} of {ranked}" if rank else "-"


def _best_cells(table: Table, best: Row, machine: str) -> tuple[str, str]:
    if table.headline.key not in best.figures:
        return "-", "-"
    return value_cell(table.headline, best.figures), machine
