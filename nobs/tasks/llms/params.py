"""Parameters of LLM workloads."""

from typing import Literal

from pydantic import Field

from nobs.tasks.chat.params import ChatParams


class LlmParams(ChatParams):
    """Parameters of `llms` workloads."""

    kind: Literal["llms"] = "llms"


class CheckedLlmParams(ChatParams):
    """Parameters of `llms` workloads that also ask 20 questions before and after the repeats."""

    kind: Literal["llms-checked"] = "llms-checked"
    question_tokens: int = Field(512, gt=0)
    """Limit of the answer to a question, reasoning included."""
