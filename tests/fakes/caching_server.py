"""A scripted server with a prompt cache: prefixes of earlier prompts cost no time."""

from itertools import takewhile
from typing import Any

from tests.fakes.llm_answers import stream
from tests.fakes.llm_server import Answered, Script

CHARS_PER_TOKEN = 4
TEMPLATE = 24


def tokens_of(text: str) -> int:
    return TEMPLATE + len(text) // CHARS_PER_TOKEN


class PromptCache:
    """Answers chats, and counts the tokens that each prompt has in common with an earlier one.

    With `serves` off it computes all prompts, with `reports` off it says nothing about the cache;
    beyond `context` tokens it silently drops the start of a prompt.
    """

    def __init__(
        self, *, serves: bool = True, reports: bool = True, s_per_token: float = 0.0,
        context: int = 10**6, ignores_nonce: bool = False,
    ) -> None:  # fmt: skip
        self._serves = serves
        self._reports = reports
        self._s_per_token = s_per_token
        self._context = context
        self._ignores_nonce = ignores_nonce
        self._prompts: list[str] = []

    def __call__(self, asked: Answered) -> Script:
        """Return the answer, whose TTFT is that of the tokens that aren't cached."""
        text = "".join(message["content"] for message in asked.values["messages"])
        key = text.partition("\n\n")[2] if self._ignores_nonce else text
        tokens = min(tokens_of(text), self._context)
        cached = min(max(map(self._common, [key] * len(self._prompts), self._prompts), default=0),
                     tokens - 1)  # fmt: skip
        self._prompts.append(key)
        cached = cached if self._serves else 0
        answer: dict[str, Any] = {"cached": cached} if self._reports else {}
        return stream(
            8, prompt=tokens, ttft_s=self._s_per_token * (tokens - cached), gap_s=0.0002, **answer
        )

    @staticmethod
    def _common(text: str, earlier: str) -> int:
        common = takewhile(lambda pair: pair[0] == pair[1], zip(text, earlier, strict=False))
        return TEMPLATE + sum(1 for _ in common) // CHARS_PER_TOKEN
