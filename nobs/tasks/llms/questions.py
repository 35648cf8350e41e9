"""The 20 questions that show whether a model's answers make sense."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass

type Judge = Callable[[str], bool]

MAX_EXTRA_WORDS = 30
"""Words around the right one; a long list of words has any word in it."""
_NUMBERS = {"two": "2", "three": "3", "four": "4", "five": "5", "seven": "7", "twelve": "12",
            "twenty-five": "25"}  # fmt: skip
_NAMES = "think|thinking|reasoning"
_THINKING = re.compile(rf"[<\[]({_NAMES})[>\]].*?([<\[]/\1[>\]]|\Z)", re.DOTALL | re.IGNORECASE)
_UNOPENED = re.compile(rf"\A.*?[<\[]/({_NAMES})[>\]]", re.DOTALL | re.IGNORECASE)
"""Chat templates, as of DeepSeek-R1, may open the tag at the end of the prompt."""
_NUMBER = re.compile(r"\d+(?:\.\d+)?")


@dataclass(frozen=True, kw_only=True)
class Question:
    """A short closed question; `judge` returns whether an answer is right."""

    text: str
    judge: Judge


def answer_of(text: str) -> str:
    """Return the answer without reasoning in tags; empty while it is still reasoning."""
    return _UNOPENED.sub("", _THINKING.sub("", text)).strip()


def is_of_a_thinker(text: str) -> bool:
    """Return whether an answer ends a reasoning that it hasn't begun: so may all others be cut."""
    return _UNOPENED.match(_THINKING.sub("", text)) is not None


def _words(text: str) -> list[str]:
    return re.findall(r"[\w'-]+", text.casefold())


def _number(right: str) -> Judge:
    """Accept an answer whose last number is `right`: `2 + 2 = 4` is right, too."""

    def judge(answer: str) -> bool:
        figures = [_NUMBERS.get(word, word) for word in _words(answer.split("\n\n", maxsplit=1)[0])]
        found = _NUMBER.findall(" ".join(figures))
        return bool(found) and float(found[-1]) == float(right)

    return judge


def _word(*right: str) -> Judge:
    """Accept a short answer with one of the words, which are those of several languages."""

    def judge(answer: str) -> bool:
        words = _words(answer)
        return len(words) <= MAX_EXTRA_WORDS and not {*right}.isdisjoint(words)

    return judge


def _first(*right: str) -> Judge:
    """Accept an answer whose first word is one of these."""
    return lambda answer: bool(words := _words(answer)) and words[0] in right


def _copy(right: str) -> Judge:
    """Accept a short answer that contains the words of `right` in order."""
    wanted = " ".join(_words(right))

    def judge(answer: str) -> bool:
        words = _words(answer)
        return len(words) <= MAX_EXTRA_WORDS and f" {wanted} " in f" {' '.join(words)} "

    return judge


def _object(right: object) -> Judge:
    """Accept an answer with this JSON object, also within a code block."""

    def judge(answer: str) -> bool:
        start, end = answer.find("{"), answer.rfind("}")
        try:
            return bool(json.loads(answer[start : end + 1]) == right)
        except (ValueError, RecursionError):
            return False

    return judge


_YES = _first("yes", "ja", "oui", "sí", "si", "sì", "sim", "да", "是", "はい")
_NO = _first("no", "nein", "non", "nee", "não", "нет", "不", "不是", "いいえ")

QUESTIONS = (
    Question(text="What is 2 + 2? Answer with the number only.", judge=_number("4")),
    Question(text="What is 3 + 4? Answer with the number only.", judge=_number("7")),
    Question(text="What is 7 + 5?", judge=_number("12")),
    Question(text="What is 5 * 5?", judge=_number("25")),
    Question(text="What is 10 - 3? Answer with the number only.", judge=_number("7")),
    Question(text="Repeat this word and nothing else: lantern", judge=_copy("lantern")),
    Question(
        text="Repeat this sentence: The cat sat on the mat.", judge=_copy("The cat sat on the mat")
    ),
    Question(text='Say "hello world".', judge=_copy("hello world")),
    Question(text="Copy this text exactly: 7391", judge=_copy("7391")),
    Question(
        text='How many letters does the word "house" have? Answer with the number only.',
        judge=_number("5"),
    ),
    Question(text='How many letters does the word "to" have?', judge=_number("2")),
    Question(
        text='How many letters does the word "cat" have? Answer with the number only.',
        judge=_number("3"),
    ),
    Question(text="Is a whale a fish? Answer yes or no.", judge=_NO),
    Question(text="Do dogs have wings? Answer yes or no.", judge=_NO),
    Question(text="Is the sun a star? Answer yes or no.", judge=_YES),
    Question(
        text="What is the capital of France? Answer with one word.",
        judge=_word("paris", "parís", "parigi", "париж", "巴黎", "パリ"),
    ),
    Question(
        text="What is the capital of Japan? Answer with one word.",
        judge=_word("tokyo", "tokio", "tóquio", "токио", "东京", "東京"),
    ),
    Question(
        text="What is the opposite of hot? Answer with one word.",
        judge=_word("cold", "kalt", "froid", "frío", "freddo", "frio", "холодный", "冷"),
    ),
    Question(
        text="How many days does a week have? Answer with the number only.", judge=_number("7")
    ),
    Question(
        text='Write this JSON object and nothing else: {"color": "red", "size": 3}',
        judge=_object({"color": "red", "size": 3}),
    ),
)
"""Arithmetic, copying, letters, yes or no, facts, one JSON object. A published set never changes:
a change makes the next version of the workloads."""
