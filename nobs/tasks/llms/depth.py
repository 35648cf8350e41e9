"""Figures by depth: prefill and decode rates against the tokens in the context."""

from collections.abc import Iterator, Sequence
from itertools import islice
from statistics import linear_regression, median

from nobs.schema.pins import Params
from nobs.schema.report import Interval
from nobs.tasks.chat.report import LlmRequest, LlmRun
from nobs.tasks.figures import ci_cell, ci_heading
from nobs.tasks.llms.params import DepthParams
from nobs.tasks.llms.report import DepthCell, DepthTable
from nobs.text import to_line
from nobs.units import format_rate, rate_or_dash, time_or_dash

PER = 1000
"""Tokens of context that the slope is given for."""
_ROW = "  {:>9}{:>11}{:>18}{:>11}{:>18}{:>11}"


def depth_table(plan: DepthTable, runs: Sequence[LlmRun]) -> DepthTable:
    """Return `plan` with the figures of all repeats; cells that were left out stay as they are."""
    cells = tuple(
        cell if cell.skipped else _measured(cell, [run.prompts for run in runs])
        for cell in plan.cells
    )
    slopes = [slope for run in runs if (slope := _slope(run.prompts)) is not None]
    return plan.model_copy(
        update={
            "cells": cells,
            "slope_s": median(slopes) if slopes else None,
            "slope_interval": Interval.of_repeats(slopes),
        }
    )


def _measured(cell: DepthCell, runs: Sequence[Sequence[LlmRequest]]) -> DepthCell:
    whole = _answers(runs, cell.number)
    prefills, decodes = rates_at(cell.number, runs)
    ttfts = [each.ttft_s for each in whole if each.ttft_s is not None]
    counts = [each.input_tokens for each in whole if each.input_tokens is not None]
    return cell.model_copy(
        update={
            "input_tokens": median(counts) if counts else None,
            "ttft_s": median(ttfts) if ttfts else None,
            "prefill_tokens_per_sec": median(prefills) if prefills else None,
            "prefill_interval": Interval.of_repeats(prefills),
            "decode_tokens_per_sec": median(decodes) if decodes else None,
            "decode_interval": Interval.of_repeats(decodes),
        }
    )


def rates_at(number: int, runs: Sequence[Sequence[LlmRequest]]) -> tuple[list[float], list[float]]:
    """Return the prefill and the decode rates of a cell's requests, of each repeat that has one."""
    prefills = [rate for run in runs if (rate := _prefill(run, number)) is not None]
    return prefills, [rate for each in _answers(runs, number) if (rate := each.tokens_per_sec)]


def _answers(runs: Sequence[Sequence[LlmRequest]], number: int) -> list[LlmRequest]:
    return [each for run in runs for each in run if each.prompt == number and not each.failure]


def _prefill(run: Sequence[LlmRequest], number: int) -> float | None:
    """Return the tokens of prose over the TTFT without that of the empty prompt."""
    empty, each = (next((r for r in run if r.prompt == n), None) for n in (1, number))
    if empty is None or each is None or number == 1:
        return None
    if None in (empty.ttft_s, each.ttft_s, empty.input_tokens, each.input_tokens):
        return None
    tokens = (each.input_tokens or 0) - (empty.input_tokens or 0)
    time_s = (each.ttft_s or 0.0) - (empty.ttft_s or 0.0)
    return tokens / time_s if tokens > 0 and time_s > 0 else None


def _slope(run: Sequence[LlmRequest]) -> float | None:
    """Return the seconds per output token that 1,000 tokens of context add (least squares)."""
    points = [(r.input_tokens, r.tpot_s) for r in run if r.input_tokens and r.tpot_s]
    if len({tokens for tokens, _ in points}) < 3:
        return None
    return PER * linear_regression(*zip(*points, strict=True)).slope


def depth_reasons(table: DepthTable) -> Iterator[str]:
    """Yield why the result is open: cells that were left out, prompts of another length."""
    if skipped := [cell for cell in table.cells if cell.skipped]:
        yield f"depths: {len(skipped)} of {len(table.cells)} left out ({skipped[0].skipped})"
    empty = table.cells[0].input_tokens if table.cells else None
    for cell in table.cells[1:]:
        if cell.input_tokens is None or empty is None:
            continue
        if abs(cell.input_tokens - empty - cell.depth) > table.tolerance * cell.depth:
            found = cell.input_tokens - empty
            yield f"depths: {found:g} tokens of prose instead of {cell.depth}"


def contradictions_of_depths(table: DepthTable, params: Params) -> Iterator[str]:
    """Yield that the depths aren't those of the workload, or aren't numbered in order."""
    depths = tuple(cell.depth for cell in table.cells)
    if isinstance(params, DepthParams) and depths != (0, *params.depths):
        yield f"depth: {depths} instead of {(0, *params.depths)}"
    numbers = [cell.number for cell in table.cells if not cell.skipped]
    if numbers != list(range(1, len(numbers) + 1)):
        yield "depth: the cells aren't numbered in order"


def depth_lines(table: DepthTable) -> Iterator[str]:
    """Yield the table as lines of at most 80 columns."""
    prefills, decodes = (
        ci_heading(getattr(cell, name) for cell in table.cells)
        for name in ("prefill_interval", "decode_interval")
    )
    yield _ROW.format("context", "prefill/s", prefills, "decode/s", decodes, "TTFT")
    for cell in table.cells:
        if cell.skipped:
            yield f"  {cell.depth:>9,}  left out: {to_line(cell.skipped, 66)}"
            continue
        yield _ROW.format(
            f"{cell.depth:,}",
            rate_or_dash(cell.prefill_tokens_per_sec), ci_cell(cell.prefill_interval, format_rate),
            rate_or_dash(cell.decode_tokens_per_sec), ci_cell(cell.decode_interval, format_rate),
            time_or_dash(cell.ttft_s),
        )  # fmt: skip
    if table.slope_s is not None:
        low, high = (
            (table.slope_interval.low, table.slope_interval.high)
            if table.slope_interval
            else (table.slope_s, table.slope_s)
        )
        yield (
            f"  each 1,000 tokens of context add {format_rate(1e6 * table.slope_s)} us per output"
            f" token ({format_rate(1e6 * low)} - {format_rate(1e6 * high)})"
        )


def cells_of(table: DepthTable | None, most: int) -> list[DepthCell]:
    """Return the measured cells, at most `most`."""
    return list(islice((c for c in table.cells if not c.skipped), most)) if table else []
