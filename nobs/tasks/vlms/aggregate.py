"""From the requests of a step to the figures of its images; pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, combinations, groupby
from statistics import median
from typing import Any

from nobs.schema.report import Interval
from nobs.stats import median_of
from nobs.tasks.vlms.report import ControlRun, SizeFigures, VlmModelReport, VlmRequest, VlmRun

type Texts = Mapping[int, float]
"""A value of each text, by the number of its first row."""


def image_figures(model: VlmModelReport) -> dict[str, Any]:
    """Return the figures of `VlmModelReport` that follow from its requests and controls."""
    runs = [_run_of(run, model.controls) for run in model.all_runs]
    # The n-th repeat with the n-th control run, so that the CI has the spread of both.
    paired = [
        median_of(_costs(run.prompts, [controls]).values())
        for run, controls in zip(model.all_runs, model.controls, strict=False)
    ]
    figures: dict[str, Any] = {
        "all_runs": tuple(runs),
        "image_cost_interval": _interval(paired),
        "sizes": tuple(_sizes_of(runs, model.controls)),
        **_shares(model),
    }
    for name in ("image_cost_s", "images_per_sec", "megapixels_per_sec"):
        field = f"median_{name}" if name == "image_cost_s" else name
        values = [getattr(run, field) for run in runs]
        figures[f"final_median_{name}"] = median_of(values)
        if name != "image_cost_s":
            figures[f"{name}_interval"] = _interval(values)
    figures["resized_from"] = _resized_from(figures["sizes"])
    return figures


def whole_answers(runs: Iterable[VlmRun]) -> list[VlmRequest]:
    """Return the requests of all repeats with a complete answer."""
    return [request for run in runs for request in run.prompts if request.failure is None]


def all_text_values(controls: Iterable[ControlRun], name: str) -> dict[int, list[float]]:
    """Return the values of a field of the control requests of each text."""
    found: dict[int, list[float]] = {}
    for request in chain(*(run.requests for run in controls)):
        if request.failure is None and (value := getattr(request, name)) is not None:
            found.setdefault(request.prompt, []).append(value)
    return found


def text_values(controls: Iterable[ControlRun], name: str) -> dict[int, float]:
    """Return the median of a field over the control requests of each text."""
    return {number: median(each) for number, each in all_text_values(controls, name).items()}


def image_tokens(request: VlmRequest, texts: Texts) -> int | None:
    """Return the usage with the image minus that of the same text; None if one is unknown."""
    if request.input_tokens is None or request.control not in texts:
        return None
    return request.input_tokens - round(texts[request.control])


def _run_of(run: VlmRun, controls: Sequence[ControlRun]) -> VlmRun:
    whole = [request for request in run.prompts if request.failure is None]
    costs = _costs(whole, controls)
    latency_s = sum(request.total_latency_s or 0.0 for request in whole)
    pixels = sum(r.width * r.height for r in whole if r.prompt in costs)
    cost_s = sum(costs.values())
    return run.model_copy(
        update={
            "median_image_cost_s": median_of(costs.values()),
            "images_per_sec": len(whole) / latency_s if latency_s else None,
            "megapixels_per_sec": pixels / 1e6 / cost_s if cost_s > 0 else None,
        }
    )


def _costs(requests: Iterable[VlmRequest], controls: Iterable[ControlRun]) -> dict[int, float]:
    """Return the image cost of each complete answer, by its row."""
    texts = text_values(controls, "ttft_s")
    return {
        request.prompt: request.ttft_s - texts[request.control]
        for request in requests
        if request.ttft_s is not None and request.control in texts
    }


def _sizes_of(runs: Sequence[VlmRun], controls: Sequence[ControlRun]) -> Iterator[SizeFigures]:
    tokens = text_values(controls, "input_tokens")
    ordered = sorted(whole_answers(runs), key=_size)
    for (width, height), group in groupby(ordered, key=_size):
        requests = list(group)
        rows = {request.prompt for request in requests}
        counts = [c for r in requests if (c := image_tokens(r, tokens)) is not None]
        costs = [
            median_of(value for row, value in _costs(run.prompts, controls).items() if row in rows)
            for run in runs
        ]
        yield SizeFigures(
            width=width,
            height=height,
            images=len(requests),
            image_bytes=round(median(request.image_bytes for request in requests)),
            image_tokens=round(median(counts)) if counts else None,
            image_cost_s=median_of(costs),
            image_cost_interval=_interval(costs),
            ttft_s=median(request.ttft_s or 0.0 for request in requests),
            latency_s=median(request.total_latency_s or 0.0 for request in requests),
        )


def _size(request: VlmRequest) -> tuple[int, int]:
    return request.width, request.height


def _resized_from(sizes: Sequence[SizeFigures]) -> tuple[int, int] | None:
    """Return the first size with no more tokens than a smaller one: the server reduces it.

    A size is smaller if both its sides are: photographs have many shapes of about one area.
    """
    by_area = sorted(sizes, key=lambda size: size.width * size.height)
    for small, large in combinations(by_area, 2):
        is_smaller = small.width < large.width and small.height < large.height
        counts = small.image_tokens, large.image_tokens
        if is_smaller and all(counts) and (counts[1] or 0) <= (counts[0] or 0):
            return large.width, large.height
    return None


def _shares(model: VlmModelReport) -> dict[str, float | None]:
    asked = len(model.picture_checks)
    right = sum(check.is_right for check in model.picture_checks)
    looked = sum(check.is_right and not check.is_blank_right for check in model.picture_checks)
    return {
        "right_share": right / asked if asked else None,
        "looked_share": looked / asked if asked else None,
    }


def _interval(values: Iterable[float | None]) -> Interval | None:
    return Interval.of_repeats([value for value in values if value is not None])
