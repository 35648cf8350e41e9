"""Whether the answers of a model make sense: shares of right answers, degenerate texts."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from nobs.stats import share_interval
from nobs.tasks.chat.client.record import ChatFailure, ChatRecord
from nobs.tasks.chat.load_checks import is_same
from nobs.tasks.llms.questions import QUESTIONS, answer_of, is_of_a_thinker
from nobs.tasks.llms.report import AnswerCheck, AnswerRound
from nobs.units import format_share

MIN_SHARE = 0.25
"""Share of right answers below which the output is suspect.

Measured: SmolLM2-135M (Q4_1), the smallest model in the catalogue, has 14 of 20; random words,
numbers, letters, bytes and a constant answer have at most 3 of 20 in 20 rounds each.
"""
ROUNDS = 2
MIN_JUDGED = 0.5
"""Share of the questions that must have been answered to judge."""
MAX_DEGENERATE = 0.5
"""Share of degenerate timed answers above which the output is suspect; short answers of small
models end in loops."""
MIN_REPEATS = 4
MIN_LOOP_WORDS = 24
MAX_ODD_SHARE = 0.05
"""Share of characters that can't be printed or decoded above which a text is garbage."""
SHOWN = 80


def judge_round(records: Sequence[ChatRecord | None]) -> AnswerRound:
    """Return the result of one round; None stands for a question that wasn't asked."""
    texts = [answer_of(record.text) if record else "" for record in records]
    thinks = any(record is not None and is_of_a_thinker(record.text) for record in records)
    verdicts = [
        _judge(record, text, number, thinks=thinks)
        for number, (record, text) in enumerate(zip(records, texts, strict=True))
    ]
    return AnswerRound(
        right=verdicts.count("right"),
        wrong=verdicts.count("wrong"),
        unjudged=verdicts.count("unjudged"),
        answers=tuple(text[:SHOWN] for text in texts),
    )


def _judge(record: ChatRecord | None, text: str, number: int, *, thinks: bool) -> str:
    """Return `right`, `wrong`, or `unjudged`: failed, or cut within the reasoning.

    Where the server `thinks` without an opening tag, a cut answer without the closing one is still
    its reasoning.
    """
    if record is None:
        return "unjudged"
    if record.failure is not None:
        return "wrong" if record.failure is ChatFailure.NO_TOKEN else "unjudged"
    is_cut = record.figures is not None and record.figures.finish_reason == "length"
    if is_cut and (not text or (thinks and not is_of_a_thinker(record.text))):
        return "unjudged"
    return "right" if QUESTIONS[number].judge(text) else "wrong"


def check_of(rounds: Sequence[AnswerRound], texts: Sequence[str]) -> AnswerCheck:
    """Return the check of all rounds and timed answers; the worst round counts."""
    judged = [each for each in rounds if each.right + each.wrong]
    worst = min(judged, key=lambda each: each.right / (each.right + each.wrong), default=None)
    share = low = high = None
    if worst is not None:
        count = worst.right + worst.wrong
        share, (low, high) = worst.right / count, share_interval(worst.right / count, count)
    faults = Counter(fault for text in texts if (fault := degeneracy_of(text)))
    return AnswerCheck(
        questions=len(QUESTIONS), rounds=tuple(rounds), share=share, low=low, high=high,
        timed=len(texts), degenerate=dict(sorted(faults.items())),
    )  # fmt: skip


def contradictions_of_answers(check: AnswerCheck, *, is_complete: bool = True) -> Iterator[str]:
    """Yield that the counts don't add up, or that the share isn't theirs.

    An interrupted measurement may have the first round only.
    """
    rounds = (ROUNDS,) if is_complete else range(1, ROUNDS + 1)
    if check.questions != len(QUESTIONS) or len(check.rounds) not in rounds:
        yield f"answers: {len(check.rounds)} rounds of {check.questions} questions"
    for number, each in enumerate(check.rounds, start=1):
        counts = each.right, each.wrong, each.unjudged
        if min(counts) < 0 or sum(counts) != check.questions:
            yield f"answers: round {number} doesn't have {check.questions} answers"
            return
    again = check_of(check.rounds, [])
    # Not exactly: another order of the formula rounds the CI otherwise.
    if not all(is_same(getattr(check, n), getattr(again, n)) for n in ("share", "low", "high")):
        yield "answers: the share right doesn't follow from the rounds"


def find_suspicions(check: AnswerCheck) -> Iterator[str]:
    """Yield why the output is suspect, one clause each."""
    for when, each in zip(("before", "after"), check.rounds, strict=False):
        judged = each.right + each.wrong
        if judged < MIN_JUDGED * check.questions:
            yield (
                f"only {judged} of {check.questions} questions {when} the repeats could be judged"
                f" ({each.unjudged} answers failed, or were cut before their text)"
            )
        elif each.right < MIN_SHARE * judged:
            yield (
                f"{each.right} of {judged} questions {when} the repeats were answered right, at"
                f" least {format_share(MIN_SHARE, 0)} are needed"
            )
    odd = sum(check.degenerate.values())
    if odd > MAX_DEGENERATE * check.timed:
        kinds = ", ".join(f"{count} {name}" for name, count in check.degenerate.items())
        yield f"{odd} of {check.timed} timed answers are degenerate ({kinds})"


def degeneracy_of(text: str) -> str:
    """Return `empty`, `unprintable` or `loop`; empty for a text that is none of these."""
    if not text.strip():
        return "empty"
    if sum(_is_odd(character) for character in text) > MAX_ODD_SHARE * len(text):
        return "unprintable"
    words = text.split()
    # Languages without blanks, and one character over and over.
    units = words if len(words) >= MIN_LOOP_WORDS else list(text)
    return "loop" if _ends_in_loop(units) else ""


def _is_odd(character: str) -> bool:
    return character == "\ufffd" or not (character.isprintable() or character in "\n\t\r")


def _ends_in_loop(units: Sequence[str]) -> bool:
    """Return whether the end is one passage, at least 4 times over."""
    count = len(units)
    for period in range(1, count // MIN_REPEATS + 1):
        span = max(MIN_REPEATS * period, MIN_LOOP_WORDS)
        tail = units[-span:]
        if span <= count and all(
            one == other for one, other in zip(tail, tail[period:], strict=False)
        ):
            return True
    return False


def texts_of(records: Iterable[ChatRecord]) -> list[str]:
    """Return the texts of complete answers that aren't reasoning or a tool call alone."""
    return [
        record.text
        for record in records
        if record.figures is not None
        and not (not record.text and record.figures.reasoning_chars)
    ]  # fmt: skip
