"""Whole answers of a scripted server: chat completions with known numbers of tokens."""

import itertools
import random

from nobs.providers.readiness import PROMPT
from nobs.tasks.llms.questions import QUESTIONS
from tests.fakes.llm_routes import one_model, reply
from tests.fakes.llm_server import Answered, Choose, Script, Send
from tests.fakes.llm_streams import chunked, delta, event, head, usage

MODEL = "scripted"
RIGHT_ANSWERS = (
    "4", "7", "12", "25", "7", "lantern", "The cat sat on the mat.", "hello world", "7391", "5",
    "2", "3", "No.", "No.", "Yes.", "Paris", "Tokyo", "Cold", "seven",
    '{"color": "red", "size": 3}',
)  # fmt: skip
_ANSWERS = dict(zip((question.text for question in QUESTIONS), RIGHT_ANSWERS, strict=True))
LAST_CHUNK = b"0\r\n\r\n"


def stream(
    tokens: int = 8, *, ttft_s: float = 0.0, gap_s: float = 0.0, finish: str | None = "stop",
    counted: bool = True, count: int | None = None, model: str | None = None, cached: int = 0,
    text: str = "", prompt: int | None = None,
) -> Script:  # fmt: skip
    """Return an answer of `tokens` chunks with a token each, and its usage where `counted`.

    Each chunk is `text`, by default a number: repeated words would be a loop.
    The usage has `count` tokens where one is given, and `cached` ones of the prompt.
    """
    used = usage(count or tokens, **({"prompt_tokens": prompt} if prompt else {}))
    used |= {"cached_tokens": cached} if cached else {}
    last = delta(finish=finish) | ({"usage": used} if counted else {})
    last |= {"model": model} if model else {}
    times = [ttft_s + number * gap_s for number in range(tokens)]
    end_s = times[-1] if times else 0.0
    return Script(
        steps=[
            Send(0, head("Transfer-Encoding: chunked")),
            *(
                Send(at_s, chunked(event(delta(content=text or f"{number % 1000:03d} "))), 1)
                for number, at_s in enumerate(times)
            ),
            Send(end_s, chunked(event(last), event("[DONE]")) + LAST_CHUNK),
        ]
    )


def plain(value: dict[str, object], status: str = "200 OK") -> Script:
    """Return a JSON response."""
    return reply(value, status)


def whole_server(answer: Script | Choose | None = None) -> Choose:
    """Return a server with one model that answers timed chats with `answer`, questions right."""
    others = one_model(MODEL)

    def choose(asked: Answered) -> Script:
        if not asked.path.endswith("/chat/completions") or is_check(asked):
            return others(asked)
        if right := right_answer(asked):
            return right
        return answer(asked) if callable(answer) else answer or stream()

    return choose


def right_answer(asked: Answered) -> Script | None:
    """Return the right answer to one of the questions around the repeats, None to other chats."""
    right = _ANSWERS.get(str(asked.values["messages"][-1]["content"]))
    return stream(1, text=right) if right else None


def is_check(asked: Answered) -> bool:
    """Tell whether a chat is that of the check before a run, which differs in its words only."""
    return str(asked.values["messages"][-1]["content"]).endswith(PROMPT)


def after(good: int, bad: Script) -> Choose:
    """Return a server whose first `good` chats are answered and all later ones with `bad`."""
    numbers = itertools.count(1)
    return lambda _: stream() if next(numbers) <= good else bad


def garbage(seed: int) -> Choose:
    """Return a server whose every answer is of the right shape, and random words."""
    rng = random.Random(seed)
    words = ("the ", "no ", "yes ", "four ", "7 ", "cat ", "is ", "of ", "red ", "Paris ")

    def choose(asked: Answered) -> Script:
        if not asked.path.endswith("/chat/completions"):
            return whole_server()(asked)
        return stream(8, text="".join(rng.choices(words, k=3)))

    return choose
