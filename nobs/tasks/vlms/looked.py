"""Whether the model looked at the images, and whether a cache answered."""

from collections.abc import Iterator
from statistics import median

from nobs.schema.pins import Workload
from nobs.tasks.vlms.aggregate import (
    all_text_values,
    image_tokens,
    text_values,
    whole_answers,
)
from nobs.tasks.vlms.answers import MIN_ABOVE_BLANK
from nobs.tasks.vlms.params import VlmParams, VlmsColdParams
from nobs.tasks.vlms.report import VlmModelReport
from nobs.units import format_share

FASTER = 0.5
"""A repeated picture that costs less than this share of its first time was cached."""
MIN_PICTURES = 6
"""Fewer pictures may be faster by chance."""
MOST = 0.9
"""Share of the pictures for which that must hold: noise makes some of them faster."""


def output_faults(model: VlmModelReport) -> Iterator[str]:
    """Yield that the answers don't show what is in the pictures."""
    asked = len(model.picture_checks)
    right, looked = model.right_share, model.looked_share
    if right is None or looked is None:
        return
    if right < model.min_right_share:
        yield (
            f"output_suspect: {round(right * asked)} of {asked} questions about the pictures were"
            f" answered right; at least {format_share(model.min_right_share)} are needed."
        )
    if looked < MIN_ABOVE_BLANK:
        yield (
            f"output_suspect: only {round(looked * asked)} of {asked} answers were right with the"
            " picture but not with a blank image: the server may ignore images. Load a vision"
            " model with its projector."
        )


def open_reasons(model: VlmModelReport, workload: Workload) -> Iterator[str]:
    """Yield that a cache answered, or that the model reasoned where that isn't the pinned work."""
    whole = whole_answers(model.all_runs)
    if isinstance(workload.params, VlmsColdParams):
        if whole and not any((count or 0) > 0 for count in _counts(model)):
            yield "checks: no tokens were counted for the picture, which may have been ignored"
        return
    share = _repeat_share(model)
    if share is not None:
        yield (
            f"cache: repeated pictures cost {format_share(share)} of their first time, although"
            " their pixels differ"
        )
    params = workload.params
    thinks = sum(bool(each.reasoning_chars or each.reasoning_tokens) for each in whole)
    if thinks and isinstance(params, VlmParams) and not params.thinking:
        yield f"thinking: {thinks} of {len(whole)} answers begin with reasoning"
    if not model.picture_checks and whole:
        why = "no question has a known answer"
        if model.interrupted_after is not None:
            why = "the run was interrupted before it asked about the pictures"
        yield f"checks: {why}, so the output isn't checked"


def image_warnings(model: VlmModelReport) -> Iterator[str]:
    """Yield what is unusual about the images."""
    yield from blind_warnings(model)
    if model.resized_from is not None:
        width, height = model.resized_from
        yield f"The server resizes images: {width}x{height} has no more tokens than a smaller size."
    if whole_answers(model.all_runs) and model.final_median_image_cost_s is None:
        yield "All requests without images failed: the image cost is unknown."


def blind_warnings(model: VlmModelReport) -> Iterator[str]:
    """Yield that the server takes no images, or counts no tokens for them."""
    identity = model.server.identity if model.server else None
    if identity is not None and identity.vision is False:
        yield "The server says that the model takes no images."
    counts = _counts(model)
    if counts and all(count is not None and count <= 0 for count in counts):
        yield "The server counts no tokens for images: it may have ignored them."


def _counts(model: VlmModelReport) -> list[int | None]:
    """Return the tokens of the image of each complete answer, as the server counts them."""
    texts = text_values(model.controls, "input_tokens")
    return [image_tokens(request, texts) for request in whole_answers(model.all_runs)]


def _repeat_share(model: VlmModelReport) -> float | None:
    """Return the cost of repeated pictures over that of their first time, if it is far lower."""
    texts = text_values(model.controls, "ttft_s")
    costs: dict[int, list[float]] = {}
    for request in whole_answers(model.all_runs):
        if request.ttft_s is not None and request.control in texts:
            costs.setdefault(request.prompt, []).append(request.ttft_s - texts[request.control])
    shares = [
        median(later) / first for first, *later in costs.values() if later and first > 0
    ]  # fmt: skip
    saved_s = [first - median(later) for first, *later in costs.values() if later]
    if len(shares) < MIN_PICTURES or median(saved_s) <= _noise_s(model):
        return None
    if sum(share < FASTER for share in shares) < MOST * len(shares):
        return None
    return max(0.0, median(shares))


def _noise_s(model: VlmModelReport) -> float:
    """Return how far the TTFT of one text varied between the control runs."""
    found = all_text_values(model.controls, "ttft_s").values()
    return max((max(times) - min(times) for times in found), default=0.0)
