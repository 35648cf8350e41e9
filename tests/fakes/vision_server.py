"""A scripted VLM server that decodes what it is sent, with the habits of real ones."""

import base64
import io
import random
from dataclasses import dataclass, field
from typing import Any

from PIL import Image

from tests.fakes.llm_answers import LAST_CHUNK, plain
from tests.fakes.llm_server import Answered, Script, Send, Then
from tests.fakes.llm_streams import chunked, delta, event, head, usage
from tests.fakes.pictures import COLOURS

TEMPLATE_TOKENS = 24
PATCH = 16
WORDS = tuple(COLOURS)


@dataclass(kw_only=True)
class VisionServer:
    """Answers chats; `whole_server` gives it a list of models."""

    text_only: bool = False
    """Whether it accepts images and ignores them."""
    guesses: random.Random | None = None
    """Of a model that guesses a colour in each answer."""
    counts_images: bool = True
    max_side: int | None = None
    """To which it reduces images."""
    caches: bool = False
    """Whether a picture that looks like an earlier one is answered from a cache."""
    reports_cache: bool = True
    limit_bytes: int | None = None
    refusal: dict[str, Any] | None = None
    status: str = "400 Bad Request"
    ttft_s: float = 0.0
    image_s: float = 0.0
    """Added to the TTFT by each image."""
    tokens: int = 8
    reasons: bool = False
    cuts: bool = False
    """Whether it resets the connection in the middle of an answer about an image."""
    seen: set[Any] = field(default_factory=set)

    def __call__(self, asked: Answered) -> Script:
        values = asked.values
        parts = values["messages"][-1]["content"]
        parts = [{"type": "text", "text": parts}] if isinstance(parts, str) else parts
        urls = [part["image_url"]["url"] for part in parts if part["type"] == "image_url"]
        if urls and self.refusal is not None:
            return plain(self.refusal, self.status)
        if urls and self.limit_bytes and len(asked.body) > self.limit_bytes:
            return plain(
                {"error": {"message": "request entity too large"}}, "413 Payload Too Large"
            )
        image = decode(urls[0]) if urls and not self.text_only else None
        text = " ".join(part["text"] for part in parts if part["type"] == "text")
        return self._answer(values, text, image)

    def _answer(self, values: dict[str, Any], text: str, image: Image.Image | None) -> Script:
        is_known = self._is_known(text, image)
        prompt = TEMPLATE_TOKENS + len(text.split()) + self._image_tokens(image)
        cached = prompt - 1 if is_known else TEMPLATE_TOKENS
        words = [self._word(image)] if "Which" in text else ["tok"] * self.tokens
        words = words * 2 if len(words) < 2 else words[: values["max_tokens"]]
        details = {"prompt_tokens_details": {"cached_tokens": cached}} if self.reports_cache else {}
        counted = usage(len(words), **details) | {"prompt_tokens": prompt}
        ttft_s = self.ttft_s + (self.image_s if image is not None and not is_known else 0.0)
        key = "reasoning_content" if self.reasons else "content"
        script = Script(
            steps=[
                Send(0, head("Transfer-Encoding: chunked")),
                *(Send(ttft_s, chunked(event(delta(**{key: f"{word} "}))), 1) for word in words),
                *([Send(ttft_s, chunked(event(delta(content="end"))))] if self.reasons else ()),
                Send(ttft_s, chunked(event(delta("stop") | {"usage": counted}), event("[DONE]"))
                     + LAST_CHUNK),
            ]
        )  # fmt: skip
        if self.cuts and image is not None:
            return Script(steps=[*script.steps][:2], then=Then.RESET)
        return script

    def _is_known(self, text: str, image: Image.Image | None) -> bool:
        """Return whether the picture looks like one before: it ignores nonce and small changes."""
        if image is None or not self.caches:
            return False
        key = (image.size, image.getpixel((0, 0)), "Which" in text)
        is_known = key in self.seen
        self.seen.add(key)
        return is_known

    def _image_tokens(self, image: Image.Image | None) -> int:
        if image is None or not self.counts_images:
            return 0
        width, height = (min(side, self.max_side or side) for side in image.size)
        return (width // PATCH) * (height // PATCH)

    def _word(self, image: Image.Image | None) -> str:
        if self.guesses is not None:
            return self.guesses.choice(WORDS)
        if image is None:
            return WORDS[0]
        seen = image.getpixel((0, 0))
        return next((name for name, colour in COLOURS.items() if colour == seen), "grey")


def decode(url: str) -> Image.Image:
    """Return the image of a data URL."""
    kind, data = url.split(",", 1)
    assert kind == "data:image/png;base64"
    return Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB")
