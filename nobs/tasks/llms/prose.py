"""Prompts and conversations of prose: the same texts for every model."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from nobs.providers.chat import Message
from nobs.schema.server import RequestShape
from nobs.tasks.llms.params import CacheParams

TASK = "Continue this story with a long description of the next day."
USUAL_CHARS = 4.3
"""Characters of English prose per token, for the first cut."""
STEP = 13
"""Passages between the starts of two prompts, so that they share no beginning."""


@dataclass(frozen=True, kw_only=True)
class Prompt:
    """One prompt: `depth` tokens of prose, then the task."""

    depth: int
    text: str
    chars: int
    """Characters of prose."""


def cut(passages: Sequence[str], number: int, depth: int, chars: int) -> Prompt:
    """Return the prompt of a depth with `chars` characters of prose; 0: the task alone.

    The text begins with another passage for each `number`; short sets of passages are repeated.
    """
    start = number * STEP % len(passages)
    endless = itertools.cycle([*passages[start:], *passages[:start]])
    prose = ""
    while len(prose) < chars:
        prose += next(endless) + "\n"
    text = f"{prose[:chars]}\n\n{TASK}" if chars else TASK
    return Prompt(depth=depth, text=text, chars=chars)


def next_chars(depth: int, chars: int, tokens: int) -> int:
    """Return how many characters `depth` tokens have, if `chars` have `tokens`."""
    return max(1, round(chars * depth / max(1, tokens)))


OTHER = 0
"""Number of the first turn of another conversation with the same system prompt."""


@dataclass(frozen=True, kw_only=True)
class Conversation:
    """Texts of a system prompt, of the user's turns, and of the answers between them."""

    system: str
    users: tuple[str, ...]
    answers: tuple[str, ...]
    other: str
    """First turn of the other conversation."""

    def messages(self, turn: int, nonce: str, shape: RequestShape) -> list[Message]:
        """Return the messages up to a turn, or those of `OTHER`; they begin with `nonce`."""
        texts = [self.other]
        if turn != OTHER:
            pairs = zip(self.users[: turn - 1], self.answers, strict=False)
            texts = [*itertools.chain.from_iterable(pairs), self.users[turn - 1]]
        system = f"{nonce}\n\n{self.system}"
        has_system = shape.nonce_role != "user"
        if not has_system:
            texts[0] = f"{system}\n\n{texts[0]}"
        roles = itertools.cycle(("user", "assistant"))
        said = [{"role": role, "content": text} for role, text in zip(roles, texts, strict=False)]
        return [{"role": "system", "content": system}, *said] if has_system else said


def conversation_of(passages: Sequence[str], params: CacheParams) -> Conversation:
    """Return the conversation whose texts are cut one after the other from `passages`."""
    prose = itertools.cycle(itertools.chain.from_iterable(f"{passage}\n" for passage in passages))

    def take(chars: int) -> str:
        return "".join(itertools.islice(prose, chars))

    system = take(params.system_chars)
    users, answers = [], []
    for _ in range(params.turns):
        users.append(f"{take(params.user_chars)}\n\n{TASK}")
        answers.append(take(params.answer_chars))
    return Conversation(
        system=system,
        users=tuple(users),
        answers=tuple(answers),
        other=f"{take(params.user_chars)}\n\n{TASK}",
    )
