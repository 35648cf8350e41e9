"""Requests with pictures, and the same texts without them, whatever they are measured for."""

import re
from collections.abc import Sequence
from typing import Any

from nobs.errors import HostApiError
from nobs.providers.chat import ChatRequest, new_prefix
from nobs.tasks.chat.aggregate import request_of
from nobs.tasks.chat.bench import ChatBench, SentRequest
from nobs.tasks.chat.failures import describe_failures
from nobs.tasks.chat.report import LlmRequest
from nobs.tasks.vlms.encode import SentPicture
from nobs.tasks.vlms.pictures import Picture
from nobs.tasks.vlms.report import VlmRequest

type Messages = list[dict[str, Any]]

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
CONTROL_TOKENS = 2
"""Output tokens of a request whose TTFT or input tokens alone are of interest."""


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


def image_messages(prefix: str, sent: SentPicture, question: str) -> Messages:
    """Return one user message: nonce, image, question."""
    image = {"type": "image_url", "image_url": {"url": sent.url}}
    return [{"role": "user", "content": [_text(prefix), image, _text(question)]}]


def text_messages(prefix: str, question: str) -> Messages:
    """Return the same message without the image."""
    return [{"role": "user", "content": [_text(prefix), _text(question)]}]


def _text(text: str) -> dict[str, str]:
    return {"type": "text", "text": text}


def vlm_request(
    request: LlmRequest, sent: SentPicture, chat: ChatRequest, picture: str, control: int
) -> VlmRequest:
    """Return `request` with what was sent, and the number of its text without the image."""
    return VlmRequest(
        **request.model_dump(),
        picture=picture,
        control=control,
        width=sent.width,
        height=sent.height,
        image_bytes=len(sent.png),
        request_bytes=len(chat.body()),
    )


class PictureBench(ChatBench):
    """Sends pictures; which ones and when is what its subclasses say."""

    def explain(self, requests: Sequence[LlmRequest]) -> HostApiError:
        """Return the error with what to do about images that a server refuses."""
        return explain_images(requests, self.server.base_url) or super().explain(requests)

    async def send_picture(
        self, number: int, row: Picture, sent: SentPicture, control: int
    ) -> SentRequest:
        """Send the open question about `row`; `control` is the number of its text without image."""
        prefix = new_prefix()
        chat = self.ask(image_messages(prefix, sent, row.open_question))
        record = await self.send(chat)
        plain = request_of(record, number, self.params.min_output_tokens)
        request = vlm_request(plain, sent, chat, row.name, control)
        return SentRequest(repeat=self._repeats, prefix=prefix, record=record, request=request)

    async def send_control(self, text: str, number: int) -> LlmRequest:
        """Send `text` without an image."""
        chat = self.ask(text_messages(new_prefix(), text), CONTROL_TOKENS)
        return request_of(await self.send(chat), number, 1)
