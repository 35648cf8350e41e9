"""The level `one image, many questions`: what a server's cache saves."""

from collections.abc import Sequence
from statistics import median

from nobs.errors import HostApiError
from nobs.tasks.chat.client.record import ChatRecord
from nobs.tasks.vlms.encode import SentPicture
from nobs.tasks.vlms.report import OneImageLevel


def one_image_level(name: str, sent: SentPicture, records: Sequence[ChatRecord]) -> OneImageLevel:
    """Return the level of `records`, the first of which sent a new image."""
    first, *later = (record.figures for record in records)
    whole = [figures for figures in later if figures is not None]
    if first is None or not whole:
        errors = [record.error for record in records if record.error]
        raise HostApiError(
            f"All questions about one image failed: {errors[-1]}.",
            "See the server's log, or leave out --one-image-questions.",
        )
    return OneImageLevel(
        picture=name,
        width=sent.width,
        height=sent.height,
        first_ttft_s=first.ttft_s,
        later_ttft_s=median(figures.ttft_s for figures in whole),
        later=len(whole),
        input_tokens=whole[-1].input_tokens,
        cached_tokens=whole[-1].cached_tokens,
    )
