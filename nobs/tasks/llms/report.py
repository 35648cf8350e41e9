"""Records of a served LLM in a report."""

from pydantic import BaseModel, Field

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


class LlmModelReport(ChatModelReport):
    """Figures of a served model; null or empty if it isn't ok.

    Medians are over the repeats, of each repeat's median over its prompts; failed requests are
    left out. `device` is the backend of the run, not the server's hardware.
    `task_score` is null unless the server is local.
    """

    answers: AnswerCheck | None = None
    """Check of the answers; null in workloads without questions."""
