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


class DepthParams(ChatParams):
    """Parameters of `llms` workloads that measure how speed depends on the prompt's length."""

    kind: Literal["llms-depth"] = "llms-depth"
    depths: tuple[int, ...] = Field(min_length=1)
    """Tokens of prose in each prompt, in ascending order, after an empty prompt."""
    tolerance: float = Field(0.01, gt=0)
    """Difference from the number of tokens, as a share, up to which a prompt is taken."""
    pass_budget_s: float = Field(60.0, gt=0)
    """Longest time of one pass; the deepest prompts are left out if it would take longer."""
