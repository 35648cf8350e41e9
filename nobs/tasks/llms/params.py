"""Parameters of LLM workloads."""

from typing import Literal

from nobs.tasks.chat.params import ChatParams


class LlmParams(ChatParams):
    """Parameters of `llms` workloads."""

    kind: Literal["llms"] = "llms"
