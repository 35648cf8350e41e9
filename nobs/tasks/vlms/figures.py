"""Figures, charts and lines of served VLMs."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from nobs.tasks.charts import Chart, ChartKind, Picture, Point
from nobs.tasks.chat.cold import COLD_CHARTS, COLD_FIGURES
from nobs.tasks.chat.figures import CHARTS as CHAT_CHARTS
from nobs.tasks.chat.figures import LATENCY, LOADS, RATE, TTFT
from nobs.tasks.figures import Cost, Figure, Kind, ci_cell, ci_heading, measured, per_joule
from nobs.tasks.vlms.report import PictureCheck, SizeFigures, VlmModelReport
from nobs.text import data_address
from nobs.units import format_bytes, format_seconds, format_share, time_or_dash

_FILES = Path(__file__).with_name("files")
_NAME = re.compile(r"[a-z0-9-]{1,40}")
"""Reports of others can contain anything."""


def _thumbnail(name: str) -> str | None:
    """Return a packaged picture as a small `data:` address, None for other pictures."""
    file = _FILES / f"{name}-thumb.png"
    if not _NAME.fullmatch(name) or not file.is_file():
        return None
    return data_address(file.read_bytes())


def _pictures(model: VlmModelReport) -> Sequence[Picture]:
    """Return each picture once, at its smallest size."""
    smallest: dict[str, PictureCheck] = {}
    for check in sorted(model.picture_checks, key=lambda check: check.width * check.height):
        smallest.setdefault(check.picture, check)
    return [
        Picture(source=source, text=_caption(check))
        for name, check in smallest.items()
        if (source := _thumbnail(name)) is not None
    ]


def _caption(check: PictureCheck) -> str:
    verdict = "right" if check.is_right else "wrong"
    blank = check.blank_answer or "no answer"
    return f"{check.question} {check.answer or 'no answer'} ({verdict}; blank image: {blank})"


ANSWERS: Chart[VlmModelReport] = Chart(
    key="picture_answers",
    kind=ChartKind.PICTURES,
    title="What the model saw",
    text="Questions with one sure answer, with the picture and with a blank image.",
    read=_pictures,
)


IMAGES = Figure[VlmModelReport](
    key="images_per_sec", label="images/s", title="Images per second", kind=Kind.RATE,
    meaning="complete answers about one image each, one request at a time",
    read=lambda model: measured(model.final_median_images_per_sec, model.images_per_sec_interval),
    runs=lambda model: [run.images_per_sec for run in model.all_runs],
    cost=Cost(
        key="usd_per_1k_images", label="$/1k images", units=1000,
        work="1,000 answers about one image each, one request at a time",
    ),
)  # fmt: skip
IMAGE_COST = Figure[VlmModelReport](
    key="image_cost_s", label="image cost", title="Image cost", kind=Kind.SECONDS,
    meaning="TTFT with the image minus that of the same text without it", lower_is_better=True,
    read=lambda model: measured(model.final_median_image_cost_s, model.image_cost_interval),
    runs=lambda model: [run.median_image_cost_s for run in model.all_runs],
)  # fmt: skip
MEGAPIXELS = Figure[VlmModelReport](
    key="megapixels_per_sec", label="MP/s", title="Megapixels per second of image cost",
    kind=Kind.RATE,
    read=lambda model: measured(
        model.final_median_megapixels_per_sec, model.megapixels_per_sec_interval
    ),
    runs=lambda model: [run.megapixels_per_sec for run in model.all_runs],
)  # fmt: skip
IMAGES_PER_JOULE: Figure[VlmModelReport] = per_joule(
    "images", lambda model: model.joules_per_1000_images
)
RIGHT = Figure[VlmModelReport](
    key="right_answers", label="right", title="Right answers", kind=Kind.SHARE, is_charted=False,
    meaning="share of short closed questions that were answered right",
    read=lambda model: measured(model.right_share),
)  # fmt: skip
FIGURES: tuple[Figure[Any], ...] = (
    IMAGES, IMAGE_COST, MEGAPIXELS, TTFT, LATENCY, RATE, IMAGES_PER_JOULE, *LOADS,
    RIGHT, *COLD_FIGURES,
)  # fmt: skip
SUMMARY: tuple[Figure[Any], ...] = (LATENCY, IMAGE_COST, IMAGES, TTFT, RATE, *COLD_FIGURES)
_ROW = "  {:<11}{:>7}{:>10}{:>11}{:>20}{:>10}{:>9}"


def lines_of(model: VlmModelReport) -> Iterator[str]:
    """Yield the table of sizes, and what the answers show."""
    if model.sizes:
        confidence = ci_heading(size.image_cost_interval for size in model.sizes)
        yield _ROW.format("size", "tokens", "PNG", "image cost", confidence, "TTFT", "latency")
        yield from (_ROW.format(*_cells(size)) for size in model.sizes)
    if model.right_share is not None and model.looked_share is not None:
        yield (
            f"  {format_share(model.right_share)} of the sure questions answered right,"
            f" {format_share(model.looked_share)} only with the picture"
        )
    if (level := model.one_image) is not None:
        cached = "" if level.cached_tokens is None else f", {level.cached_tokens} tokens cached"
        yield (
            f"  one image, many questions: TTFT {format_seconds(level.first_ttft_s)}, later"
            f" {format_seconds(level.later_ttft_s)}{cached}"
        )


def _cells(size: SizeFigures) -> tuple[str, ...]:
    return (
        f"{size.width}x{size.height}",
        "-" if size.image_tokens is None else str(size.image_tokens),
        format_bytes(size.image_bytes),
        time_or_dash(size.image_cost_s),
        ci_cell(size.image_cost_interval, format_seconds),
        format_seconds(size.ttft_s),
        format_seconds(size.latency_s),
    )


def _cost_by_size(model: VlmModelReport) -> Sequence[Point]:
    return [
        Point(
            x=size.width * size.height / 1e6,
            y=size.image_cost_s,
            high=size.image_cost_interval.high if size.image_cost_interval else None,
        )
        for size in model.sizes
        if size.image_cost_s is not None
    ]


CHARTS: tuple[Chart[Any], ...] = (
    Chart(
        key="image_costs",
        kind=ChartKind.LINES,
        title="Image cost by size",
        text="TTFT with the image minus that of the same text without it; bars extend to the upper"
        " end of the CI.",
        x="megapixels",
        y="seconds",
        high="upper end of the CI, s",
        least=2,
        read=_cost_by_size,
    ),
    ANSWERS,
    # Answers have the same length here: a chart of latency against it shows nothing.
    *(chart for chart in CHAT_CHARTS if chart.key != "requests"),
    *COLD_CHARTS,
)
