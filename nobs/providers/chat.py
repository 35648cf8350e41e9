"""The body and headers of a chat completion, timed or not; pure."""

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nobs.schema.server import RequestShape

EVENT_STREAM = "text/event-stream"
JSON = "application/json"

type Message = dict[str, str]


@dataclass(frozen=True, kw_only=True)
class ChatRequest:
    """One chat completion; `extra` adds or replaces fields of the JSON body."""

    model: str
    messages: Sequence[Mapping[str, Any]]
    max_tokens: int = 2048
    temperature: float = 0.0
    shape: RequestShape = field(default_factory=RequestShape)
    extra: Mapping[str, Any] = field(default_factory=dict)

    def body(self) -> bytes:
        """Return the JSON body of a streamed request that asks for usage."""
        shape = self.shape
        values: dict[str, Any] = {"model": self.model, "messages": list(self.messages)}
        if shape.limit_field is not None:
            values[shape.limit_field] = self.max_tokens
        if shape.temperature:
            values["temperature"] = self.temperature
        values["stream"] = True
        if shape.stream_options:
            values["stream_options"] = {"include_usage": True}
        return json.dumps(values | dict(self.extra)).encode()


def new_prefix() -> str:
    """Return a nonce, so that no prefix cache answers.

    Digits, since tokenizers split letters into a varying number of tokens.
    """
    return f"Request {secrets.randbelow(10**8):08d}."


def messages_of(shape: RequestShape, prefix: str, prompt: str) -> list[Message]:
    """Return the messages of a prompt, which begin with the nonce."""
    if shape.nonce_role == "user":
        return [{"role": "user", "content": f"{prefix}\n\n{prompt}"}]
    return [{"role": "system", "content": prefix}, {"role": "user", "content": prompt}]


def headers_of(api_key: str) -> dict[str, str]:
    """Return the headers in addition to those of HTTP; no Authorization without a key."""
    key = {"Authorization": f"Bearer {api_key}"} if api_key else {}
    return {
        "Accept": EVENT_STREAM,
        "Accept-Encoding": "identity",
        "Content-Type": JSON,
        "User-Agent": "nobs",
        **key,
    }
