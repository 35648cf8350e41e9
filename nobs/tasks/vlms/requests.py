"""Messages with a picture, and the records of their answers."""

from typing import Any

from nobs.providers.chat import ChatRequest
from nobs.tasks.chat.report import LlmRequest
from nobs.tasks.vlms.encode import SentPicture
from nobs.tasks.vlms.report import VlmRequest

type Messages = list[dict[str, Any]]


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
