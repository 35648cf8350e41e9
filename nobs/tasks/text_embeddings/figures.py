"""Figures and charts of embedding models."""

import math
from collections.abc import Sequence

from nobs.tasks.charts import Chart, ChartKind, Point
from nobs.tasks.figures import Figure, Kind, Measured, measured, per_joule, per_time
from nobs.tasks.text_embeddings.report import EmbeddingsModelReport

MAX_TRIALS = 50
_PHASES = ("tokenise", "copy in", "forward", "copy out", "other")


def _rate(model: EmbeddingsModelReport) -> Measured | None:
    """Return rows per second, with the interval of the time for the rows of a pass."""
    rows = model.rows_per_pass or (model.samples[0].units if model.samples else None)
    return per_time(model.final_median_rows_per_second, rows, model.encoding_time_interval)


def _share(model: EmbeddingsModelReport) -> Measured | None:
    share = model.arithmetic.share_of_matmul if model.arithmetic else None
    time_s = model.final_median_encoding_time_seconds
    return per_time(share, share and time_s and share * time_s, model.encoding_time_interval)


RATE = Figure(
    key="rows_per_second", label="rows/s", title="Throughput", kind=Kind.RATE, read=_rate,
    runs=lambda model: [run.rows_per_second for run in model.all_runs],
)  # fmt: skip
TIME = Figure[EmbeddingsModelReport](
    key="time_s", label="time", kind=Kind.SECONDS, lower_is_better=True, is_charted=False,
    read=lambda model: measured(
        model.final_median_encoding_time_seconds, model.encoding_time_interval
    ),
    runs=lambda model: [run.encoding_time_seconds for run in model.all_runs],
)  # fmt: skip
SHARE = Figure(
    key="share_of_limit", label="of limit", title="Share of the limit", kind=Kind.SHARE,
    meaning="FLOP/s of the model's tokens, over those of a large matrix product on the same device"
    " in the same number format",
    read=_share,
)  # fmt: skip
ROWS_PER_JOULE: Figure[EmbeddingsModelReport] = per_joule(
    "rows", lambda model: model.joules_per_1000_rows
)
TOKENS_PER_JOULE: Figure[EmbeddingsModelReport] = per_joule(
    "tokens", lambda model: model.joules_per_1000_tokens
)
TOKENS = Figure[EmbeddingsModelReport](
    key="input_tokens_per_second", label="tokens/s in", kind=Kind.RATE, is_charted=False,
    read=lambda model: measured(model.final_median_tokens_per_second),
)  # fmt: skip
FIGURES = (RATE, TIME, SHARE, ROWS_PER_JOULE, TOKENS_PER_JOULE, TOKENS)
SUMMARY = (TIME, RATE, SHARE, ROWS_PER_JOULE, TOKENS_PER_JOULE)


def settings_of(model: EmbeddingsModelReport) -> str:
    """Return with what it ran, as in `bfloat16, batch 64, sdpa`."""
    batch = f"batch {model.batch_size}" if model.batch_size else None
    return ", ".join(filter(None, (model.dtype, batch, model.attention_implementation)))


def _trials(model: EmbeddingsModelReport) -> Sequence[Point]:
    return [
        Point(
            x=trial.batch_size,
            y=trial.rows_per_s,
            series=", ".join(filter(None, (trial.dtype, trial.attention))),
            text=trial.outcome if trial.rows_per_s is None else "",
        )
        for trial in (model.tuning.trials if model.tuning else ())
        if trial.batch_size > 0
    ][:MAX_TRIALS]


def _phases(model: EmbeddingsModelReport) -> Sequence[float]:
    """Return the share of each phase in one pass; nothing where they make no sense."""
    phases = model.encode_phases
    if phases is None:
        return ()
    seconds = (
        phases.tokenise_s, phases.copy_in_s, phases.forward_s, phases.copy_out_s, phases.other_s,
    )  # fmt: skip
    total = sum(seconds)
    if min(seconds) < 0 or not 0 < total < math.inf:
        return ()
    return [value / total for value in seconds]


CHARTS: tuple[Chart[EmbeddingsModelReport], ...] = (
    Chart(
        key="settings",
        kind=ChartKind.PAIRS,
        title="Fixed and best settings",
        text="Throughput at the settings that all machines share, and at those that tuning found"
        " best here: factor, number format, batch size and kernel of attention stand above the"
        " line. Bars are intervals of the medians.",
        figure=RATE,
        workloads=(
            ("embeddings", "embeddings-max"),
            ("embeddings-quick", "embeddings-max-quick"),
        ),
    ),
    Chart(
        key="trials",
        kind=ChartKind.LINES,
        title="Tuning",
        text="Throughput on texts of median length against batch size, for each number format and"
        " kernel that was tried; a cross is a choice that failed.",
        x="rows a batch",
        doubles=True,
        y="rows/s",
        series="settings",
        least=2,
        read=_trials,
    ),
    Chart(
        key="phases",
        kind=ChartKind.SHARES,
        title="Where the time of a pass goes",
        text="Parts of one pass, with the device synchronised in between. At the right: how long"
        " the device waits, which is all but the forward pass.",
        x="% of the pass",
        parts=_PHASES,
        rest_of="forward",
        read=_phases,
    ),
)
