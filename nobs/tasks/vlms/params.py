"""Parameters of VLM workloads."""

from typing import Literal

from pydantic import Field

from nobs.tasks.chat.params import ChatParams, ColdParams


class VlmParams(ChatParams):
    """Parameters of `vlms` workloads."""

    kind: Literal["vlms"] = "vlms"
    max_output_tokens: int = Field(128, gt=0)
    """Limit of a request, reasoning included."""
    max_side: int | None = Field(None, ge=16)
    """Images are reduced to fit a square of this side; null: sent as they are."""
    min_right_share: float = Field(0.75, ge=0, le=1)
    """Minimum share of right answers to the sure questions."""
    thinking: bool = False
    """Whether a model that reasons before it answers does the pinned work."""
    one_image_questions: int = Field(0, ge=0)
    """Questions about one unchanged image after the repeats, with the server's cache: a level of
    its own, not part of the other figures. 0: none. It makes the result open."""


class VlmsColdParams(ColdParams):
    """Parameters of `vlms-cold` workloads: the first two requests after a start of the server.

    Both have the first picture, each after a nonce and with new pixels of its own.
    """

    kind: Literal["vlms-cold"] = "vlms-cold"
    max_side: int | None = Field(None, ge=16)
    """The picture is reduced to fit a square of this side; null: sent as it is."""
