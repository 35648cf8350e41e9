"""Records of a served LLM in a report."""

from pydantic import BaseModel, Field

from nobs.schema.report import Interval
from nobs.tasks.chat.report import ChatModelReport


class AnswerRound(BaseModel):
    """One round of the questions."""

    right: int
    wrong: int
    unjudged: int
    """Failed, cut within the reasoning, or not asked because the round took too long."""
    answers: tuple[str, ...]
    """Start of each answer, without reasoning, in the order of the questions."""


class AnswerCheck(BaseModel):
    """Answers to short questions, and degenerate timed answers."""

    questions: int
    """Number of questions per round."""
    rounds: tuple[AnswerRound, ...]
    """Before and after the repeats."""
    share: float | None
    """Share of right answers among the judged ones, in the worse round; null if none was judged."""
    low: float | None
    """Lower end of its 95 % CI (Wilson)."""
    high: float | None
    """Upper end of its 95 % CI."""
    timed: int
    """Timed answers that were checked."""
    degenerate: dict[str, int] = Field(default_factory=dict)
    """Timed answers by fault: `empty`, `unprintable` (more than 5 % of the characters), `loop` (the
    end is one passage, at least 4 times)."""


class DepthCell(BaseModel):
    """One prompt length; figures are medians over the repeats."""

    depth: int
    """Tokens of prose in the prompt; 0: an empty prompt."""
    number: int = 0
    """Number of its requests in `all_runs`, from 1; 0 if it was left out."""
    skipped: str = ""
    """Why it was left out: the server's context, the time, or an error; empty if measured."""
    input_tokens: float | None = None
    """Tokens of the whole prompt, as counted by the server: template, nonce, prose, task."""
    ttft_s: float | None = None
    prefill_tokens_per_sec: float | None = None
    """Input tokens beyond those of the empty prompt, over the TTFT beyond that of the empty
    prompt in the same repeat; null for the empty prompt."""
    prefill_interval: Interval | None = None
    """CI of `prefill_tokens_per_sec`."""
    decode_tokens_per_sec: float | None = None
    """Decode rate after this prompt."""
    decode_interval: Interval | None = None
    """CI of `decode_tokens_per_sec`."""


class DepthTable(BaseModel):
    """Speed by length of the prompt."""

    cells: tuple[DepthCell, ...]
    """The empty prompt, then the depths in ascending order."""
    tolerance: float
    """Allowed difference from the tokens of prose, as a share."""
    slope_s: float | None = None
    """Seconds per output token that 1,000 tokens of context add: least squares over the depths of
    a repeat, median over the repeats; null with fewer than 3 depths."""
    slope_interval: Interval | None = None
    """CI of `slope_s`."""


class LlmModelReport(ChatModelReport):
    """Figures of a served model; null or empty if it isn't ok.

    Medians are over the repeats, of each repeat's median over its prompts; failed requests are
    left out. `device` is the backend of the run, not the server's hardware.
    `task_score` is null unless the server is local.
    """

    answers: AnswerCheck | None = None
    """Check of the answers; null in workloads without questions."""
    depth: DepthTable | None = None
    """Speed by length of the prompt; null in other workloads. There, the medians of a repeat are
    over all depths."""
