import hashlib
import random
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from nobs.schema.enums import Backend, Status
from nobs.schema.flags import FlagName
from nobs.tasks.chat.client.record import ChatFailure, ChatRecord
from nobs.tasks.llms.answers import (
    check_of,
    contradictions_of_answers,
    degeneracy_of,
    find_suspicions,
    judge_round,
)
from nobs.tasks.llms.definition import DEFINITION
from nobs.tasks.llms.questions import QUESTIONS, answer_of
from nobs.tasks.llms.report import AnswerCheck, AnswerRound, LlmModelReport
from tests.fakes.llm_answers import RIGHT_ANSWERS
from tests.fakes.llm_records import answered, failed
from tests.fakes.llm_results import report_of, whole
from tests.fakes.llm_work import checked_work

SMALL = (
    "2 + 2 = 4", "3 + 4 = 7", "To add 7 and 5, you simply add them together: 7 + 5 equals 12.",
    "To calculate 5 * 5, we need to multiply 5 by itself, which is 10. So, 5 * 5 =",
    "10 - 3 = 6", "Lantern.", "The cat sat on the mat.", "Hello, World!",
    "The company has recently implemented a new policy.", 'The word "house" has 5 letters.',
    'The word "to" has 2 letters: "t".', 'The word "cat" has 1 cat.',
    "No, a whale is not a fish.", "No, dogs do not have wings.",
    "The sun is indeed a star.", "The capital of France is Paris.",
    "The capital of Japan is Tokyo.", "The opposite of hot is cold.", "A week has 7 days.",
    '{\n  "name": "Mara"',
)  # fmt: skip
"""Answers of SmolLM2-135M (Q4_1)."""
WORDS = (
    "the of and to in is that it for as with was on are by this be at from or have an they which"
    " you had all were there when who will more no yes if out so said what up its about than into"
    " them can only other new some could time these two may then do first any my now such like"
    " house cat dog cold hot red word day week sun city paris star four seven"
)
GERMAN = (
    "4", "7", "12", "25", "7", "lantern", "The cat sat on the mat.", "hello world", "7391", "5",
    "2", "3", "Nein.", "Nein", "Ja", "Paris", "Tokio", "kalt", "7", '{"color": "red", "size": 3}',
)  # fmt: skip
GARBAGE: dict[str, Callable[[random.Random], str]] = {
    "words": lambda rng: " ".join(rng.choices(WORDS.split(), k=rng.randint(1, 60))),
    "numbers": lambda rng: " ".join(str(rng.randint(0, 99)) for _ in range(rng.randint(1, 20))),
    "letters": lambda rng: "".join(rng.choices("etaoin shrdlu", k=80)),
    "one character": lambda rng: rng.choice("!?.Gx") * 64,
    "bytes": lambda rng: rng.randbytes(60).decode(errors="replace"),
    "always yes": lambda rng: "Yes.",
    "empty": lambda rng: " ",
}


def judged(texts: Sequence[str]) -> AnswerRound:
    return judge_round([replace(answered(0, 1, 2), text=text) for text in texts])


def suspicions(texts: Sequence[str]) -> list[str]:
    return list(find_suspicions(check_of([judged(texts)] * 2, [])))


def test_the_published_questions_never_change() -> None:
    digest = hashlib.sha256("\n".join(each.text for each in QUESTIONS).encode()).hexdigest()

    assert len(QUESTIONS) == 20
    assert digest == "29cb143a5ca86e42d7b818849337ade6bffa8022c2d7d50966a981ff4fb04920"


@pytest.mark.parametrize("answers", [RIGHT_ANSWERS, GERMAN])
def test_right_answers_are_right(answers: Sequence[str]) -> None:
    wrong = [q.text for q, text in zip(QUESTIONS, answers, strict=True) if not q.judge(text)]

    assert wrong == []


def test_a_model_of_135m_parameters_passes() -> None:
    assert judged(SMALL).right == 14
    assert suspicions(SMALL) == []


@pytest.mark.parametrize("kind", GARBAGE)
@pytest.mark.parametrize("seed", range(20))
def test_garbage_is_suspect(kind: str, seed: int) -> None:
    rng = random.Random(seed)
    texts = [GARBAGE[kind](rng) for _ in QUESTIONS]

    assert judged(texts).right <= 3
    assert suspicions(texts)


@pytest.mark.parametrize(("number", "text"), [
    (0, "5"), (0, "4 or 5"), (5, "lanterns"), (6, "The mat sat on the cat."), (12, "Yes, not no"),
    (15, f"Paris {WORDS}"), (19, '{"color": "red"}'), (19, "{" * 5000), (0, ""),
])  # fmt: skip
def test_wrong_answers_are_wrong(number: int, text: str) -> None:
    assert not QUESTIONS[number].judge(text)


@pytest.mark.parametrize(("text", "answer"), [
    ("<think>2 + 2 is 5?</think>\n4", "4"),
    ("<think>2 + 2 is", ""),
    ("[THINK]2 + 2 is 5?[/THINK]4", "4"),
    # The chat template has opened the tag.
    ("2 + 2 is 5?\n\nNo, 4.\n</think>\n\n4", "4"),
    ("4", "4"),
])  # fmt: skip
def test_reasoning_in_tags_is_no_answer(text: str, answer: str) -> None:
    assert answer_of(text) == answer


def test_an_answer_cut_within_its_reasoning_is_not_judged() -> None:
    figures = answered(0, 1, 2).figures
    assert figures is not None
    cut = ChatRecord(stamps=None, figures=replace(figures, finish_reason="length"))
    found = judge_round([cut, failed(0, 1), None, *[cut] * 17])

    assert (found.right, found.wrong, found.unjudged) == (0, 0, 20)
    (reason, _) = find_suspicions(check_of([found, found], []))
    assert "only 0 of 20 questions before the repeats could be judged" in reason
    model = LlmModelReport(model_name="m", device=Backend.CPU, status=Status.OK,
                           answers=check_of([found, found], []))  # fmt: skip
    assert list(DEFINITION.details(model)) == [
        "  questions answered right: 0 of 0 before, 0 of 0 after the repeats",
        "  not judged (failed, or cut before their text): 20 and 20",
    ]


def test_reasoning_that_the_template_has_opened_is_not_judged_where_it_is_cut() -> None:
    def cut(text: str) -> ChatRecord:
        record = answered(0, 1, 2)
        assert record.figures is not None
        return replace(record, text=text, figures=replace(record.figures, finish_reason="length"))

    whole_ones = [
        replace(answered(0, 1, 2), text=f"Let me see: 99.</think>\n{text}")
        for text in RIGHT_ANSWERS[:15]
    ]
    thinker = judge_round([*whole_ones, *[cut("Let me see, 99 or")] * 5])
    others = judge_round([*[cut("Let me see, 99 or")] * 20])

    assert (thinker.right, thinker.wrong, thinker.unjudged) == (15, 0, 5)
    assert list(find_suspicions(check_of([thinker, thinker], []))) == []
    assert (others.right, others.wrong, others.unjudged) == (0, 20, 0)


def test_an_answer_without_text_is_wrong() -> None:
    empty = ChatRecord(stamps=None, failure=ChatFailure.NO_TOKEN, error="no text")

    assert judge_round([empty] * 20).wrong == 20


def test_a_server_that_fails_during_the_run_is_suspect() -> None:
    check = check_of([judged(RIGHT_ANSWERS), judged(["xyz"] * 20)], [])

    assert (check.share, check.low) == (0, 0)
    (reason,) = find_suspicions(check)
    assert reason.startswith("0 of 20 questions after the repeats were answered right")


@pytest.mark.parametrize(("text", "fault"), [
    ("The sky is blue because air scatters blue light more than red light.", ""),
    ("", "empty"),
    (" \n", "empty"),
    ("a\ufffd\ufffdb" * 5, "unprintable"),
    ("\x00" * 30, "unprintable"),
    ("!" * 64, "loop"),
    ("I like it. " + "The cat sat on the mat. " * 6, "loop"),
    ("Yes, yes, yes.", ""),
    ("一" * 64, "loop"),
    ("def f():\n\treturn 1\n", ""),
])  # fmt: skip
def test_degenerate_texts(text: str, fault: str) -> None:
    assert degeneracy_of(text) == fault


def test_a_single_loop_of_a_small_model_is_no_garbage() -> None:
    rounds = [judged(RIGHT_ANSWERS)] * 2

    assert list(find_suspicions(check_of(rounds, ["!" * 64, "A good text."]))) == []
    assert list(find_suspicions(check_of(rounds, ["!" * 64] * 2 + ["A good text."]))) == [
        "2 of 3 timed answers are degenerate (2 loop)"
    ]


def test_a_suspect_output_is_open_and_flagged_and_a_good_one_is_not() -> None:
    def found(check: AnswerCheck) -> tuple[list[str], set[FlagName]]:
        answers = check.model_dump(mode="json")
        report = report_of([[whole(1, 2.0, 1.0, 9)]], answers=answers)
        workload = checked_work("http://x/v1").workload
        reasons = list(DEFINITION.find_open_reasons(report, workload))
        return reasons, {flag.name for flag in DEFINITION.find_flags(report)}

    good, bad = (check_of([judged(texts)] * 2, []) for texts in (RIGHT_ANSWERS, ["x"] * 20))
    reasons, flags = found(bad)

    assert found(good) == ([], set())
    assert reasons[0].startswith("answers: 0 of 20 questions before the repeats")
    assert flags == {FlagName.OUTPUT_SUSPECT}


@pytest.mark.parametrize(("change", "fault"), [
    ({"share": 0.9}, "the share right doesn't follow from the rounds"),
    ({"questions": 3}, "2 rounds of 3 questions"),
    ({"rounds": ()}, "0 rounds of 20 questions"),
])  # fmt: skip
def test_a_report_whose_answers_do_not_add_up_is_contradictory(
    change: dict[str, object], fault: str
) -> None:
    good = check_of([judged(SMALL)] * 2, [])

    assert list(contradictions_of_answers(good)) == []
    assert any(
        fault in found for found in contradictions_of_answers(good.model_copy(update=change))
    )


def test_a_report_that_hides_its_answers_is_contradictory() -> None:
    report = report_of([[whole(1, 2.0, 1.0, 9)]])
    found = DEFINITION.find_contradictions(report, checked_work("http://x/v1").workload)

    assert "answers is missing, but the workload asks questions" in list(found)
