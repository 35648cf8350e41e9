"""Figures and charts of embedding models."""

from collections.abc import Sequence

from nobs.tasks.charts import Chart, ChartKind, Point, shares_of
from nobs.tasks.cold.figures import PROCESS_PARTS, first_result, parts_chart, steady
from nobs.tasks.figures import Cost, Figure, Kind, Measured, measured, per_joule, per_time
from nobs.tasks.fit.figures import added, largest, loaded, memory_chart
from nobs.tasks.text_embeddings.report import EmbeddingsModelReport

MAX_TRIALS = 50
_PHASES = ("tokenise", "copy in", "forward", "copy out", "other")


def _rate(model: EmbeddingsModelReport) -> Measured | None:
    """Return rows per second, with the CI that follows from that of the time per pass."""
    rows = model.rows_per_pass or (model.samples[0].units if model.samples else None)
    return per_time(model.final_median_rows_per_second, rows, model.encoding_time_interval)


def _mfu(model: EmbeddingsModelReport) -> Measured | None:
    mfu = model.utilisation.mfu if model.utilisation else None
    time_s = model.final_median_encoding_time_seconds
    return per_time(mfu, mfu and time_s and mfu * time_s, model.encoding_time_interval)


RATE = Figure(
    key="rows_per_second", label="rows/s", title="Throughput", kind=Kind.RATE, read=_rate,
    runs=lambda model: [run.rows_per_second for run in model.all_runs],
    cost=Cost(key="usd_per_1000_rows", label="$/1,000 rows", work="1,000 rows", units=1000),
)  # fmt: skip
TIME = Figure[EmbeddingsModelReport](
    key="time_s", label="time", kind=Kind.SECONDS, lower_is_better=True, is_charted=False,
    read=lambda model: measured(
        model.final_median_encoding_time_seconds, model.encoding_time_interval
    ),
    runs=lambda model: [run.encoding_time_seconds for run in model.all_runs],
)  # fmt: skip
MFU = Figure(
    key="mfu", label="MFU", title="Model FLOPs utilisation (MFU)", kind=Kind.SHARE,
    meaning="model FLOPs utilisation (achieved FLOP/s / measured matmul peak, same dtype)",
    read=_mfu,
)  # fmt: skip
ROWS_PER_JOULE: Figure[EmbeddingsModelReport] = per_joule(
    "rows", lambda model: model.joules_per_1000_rows
)
TOKENS_PER_JOULE: Figure[EmbeddingsModelReport] = per_joule(
    "tokens", lambda model: model.joules_per_1000_tokens
)
TOKENS = Figure[EmbeddingsModelReport](
    key="input_tokens_per_second", label="input tokens/s", kind=Kind.RATE, is_charted=False,
    read=lambda model: measured(model.final_median_tokens_per_second),
)  # fmt: skip
FIRST_RESULT = first_result(
    "first result",
    "from the start of a process to its first embedding, weights not in memory before",
)
STEADY = steady("median of further embeddings of one text in the same process")
LARGEST = largest(
    "largest_batch", "Largest batch that ran",
    "rows of the model's full length in one batch, in every growth",
)  # fmt: skip
LOADED = loaded()
PER_ROW = added("bytes_per_row", "per row", "Memory per row of a batch")
FIGURES = (
    RATE, TIME, MFU, ROWS_PER_JOULE, TOKENS_PER_JOULE, TOKENS, FIRST_RESULT, STEADY,
    LARGEST, PER_ROW, LOADED,
)  # fmt: skip
SUMMARY = (
    TIME, RATE, MFU, ROWS_PER_JOULE, TOKENS_PER_JOULE, FIRST_RESULT, STEADY,
    PER_ROW, LOADED, LARGEST,
)  # fmt: skip


def settings_of(model: EmbeddingsModelReport) -> str:
    """Return its settings, as in `bfloat16, batch 64, sdpa`."""
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
    """Return the share of each phase in one pass; empty where the times are invalid."""
    phases = model.encode_phases
    if phases is None:
        return ()
    return shares_of((
        phases.tokenise_s, phases.copy_in_s, phases.forward_s, phases.copy_out_s, phases.other_s,
    ))  # fmt: skip


CHARTS: tuple[Chart[EmbeddingsModelReport], ...] = (
    Chart(
        key="settings",
        kind=ChartKind.PAIRS,
        title="Fixed and best settings",
        text="Throughput with the fixed settings and with the best settings that tuning found on"
        " this machine. Above the line: speedup, dtype, batch size and attention kernel. Bars are"
        " 95 % CIs of the medians.",
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
        text="Throughput on texts of median length against batch size, one line per dtype and"
        " attention kernel. A cross marks a failed trial.",
        x="batch size",
        doubles=True,
        y="rows/s",
        series="settings",
        least=2,
        read=_trials,
    ),
    Chart(
        key="phases",
        kind=ChartKind.SHARES,
        title="Time breakdown of a pass",
        text="Phases of one pass, with the device synchronised in between. At the right: share of"
        " the time outside the forward pass, in which the device waits.",
        x="% of the pass",
        parts=_PHASES,
        rest_of="forward",
        read=_phases,
    ),
    parts_chart(PROCESS_PARTS, "from the start of the process to the first embedding"),
    memory_chart(
        "memory_by_batch", "Memory by batch size", "rows per batch",
        "Peak of a new process, rows of the model's full length. A cross marks the size that"
        " didn't fit or wasn't tried.",
    ),
)  # fmt: skip
