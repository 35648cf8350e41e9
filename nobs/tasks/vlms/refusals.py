"""What to do about a server that refuses images."""

import re
from collections.abc import Sequence

from nobs.errors import HostApiError
from nobs.tasks.chat.failures import describe_failures
from nobs.tasks.chat.report import LlmRequest
from nobs.tasks.vlms.report import VlmRequest

_SMALLER = (
    "The server limits the size of images or requests: raise its limit, or send smaller images"
    " with --max-side."
)
_PNG = "The server can't read PNG: update it, or see its log."
_VISION = (
    "The loaded model takes no images. Load a vision model, with llama.cpp also its projector"
    " (mmproj), or name one with --llm-model."
)
_REFUSALS = (
    (
        re.compile(r"too (large|big|long)|(exceed|larger than|at most|maximum).{0,60}(pixel|size|"
                   r"bytes|body|image)|payload|entity", re.IGNORECASE),
        _SMALLER,
    ),
    (
        re.compile(r"media.?type|mime|image/png|decode (the )?image|image (format|type)|"
                   r"load image|invalid image", re.IGNORECASE),
        _PNG,
    ),
    (
        re.compile(r"mmproj|multi.?modal|vision|image.?(input|url|content|_url)|images? (is|are)"
                   r"|support.{0,20}image|content.{0,40}(string|text)", re.IGNORECASE),
        _VISION,
    ),
)  # fmt: skip
"""In this order: a message about the size names images too."""
_TOO_LARGE = 413


def explain_images(requests: Sequence[LlmRequest], where: str) -> HostApiError | None:
    """Return the error of requests that failed because of their images; None for other reasons."""
    failed = [each for each in requests if each.failure is not None]
    last = failed[-1]
    remedy = next((text for words, text in _REFUSALS if words.search(last.error)), None)
    if last.status == _TOO_LARGE:
        remedy = _SMALLER
    if remedy is None:
        return None
    sizes = {f"{each.width}x{each.height}" for each in failed if isinstance(each, VlmRequest)}
    message = describe_failures(requests, where)
    return HostApiError(f"{message} Sizes of the images: {', '.join(sorted(sizes))}.", remedy)
