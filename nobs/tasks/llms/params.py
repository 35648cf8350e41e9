"""Parameters of LLM workloads."""

from typing import Literal

from pydantic import Field

from nobs.tasks.chat.params import ChatParams, ColdParams
from nobs.tasks.parameters import ClosedParams


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


class CacheParams(ChatParams):
    """Parameters of `llms` workloads that measure conversations with the server's prompt cache.

    The texts of system, user and earlier answers are prose, so that all models read the same.
    """

    kind: Literal["llms-cache"] = "llms-cache"
    turns: int = Field(10, ge=2)
    """Requests of the conversation; each repeats the one before it, with an answer and a text."""
    system_chars: int = Field(gt=0)
    """Characters of the system prompt."""
    user_chars: int = Field(gt=0)
    """Characters of each text of the user, before its task."""
    answer_chars: int = Field(gt=0)
    """Characters of each earlier answer."""


class LlmsColdParams(ColdParams):
    """Parameters of `llms-cold` workloads: the first two requests after a start of the server.

    Both have the first prompt, each after a nonce of its own.
    """

    kind: Literal["llms-cold"] = "llms-cold"


class LlmFitParams(ClosedParams):
    """Parameters of `llms-fit` workloads: memory by context length, a new server for each."""

    kind: Literal["llms-fit"] = "llms-fit"
    context_lengths: tuple[int, ...] = Field(min_length=2)
    """Tokens of prompt and answer, in ascending order; multiples of 256, as llama.cpp has them."""
    output_tokens: int = Field(16, gt=0)
    """Tokens of the answer; the prompt has the rest."""
    memory_share: float = Field(0.8, gt=0, le=0.9)
    """Share of the machine's free memory that a process may take."""
    budget_s: float = Field(120.0, gt=0)
    """Seconds after which a repeat tries no further length."""
