"""A conversation of prose: the same texts for every model."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from nobs.providers.chat import Message
from nobs.schema.server import RequestShape
from nobs.tasks.llms.params import CacheParams
from nobs.tasks.llms.prose import TASK

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

    def cut(chars: int) -> str:
        return "".join(itertools.islice(prose, chars))

    system = cut(params.system_chars)
    users, answers = [], []
    for _ in range(params.turns):
        users.append(f"{cut(params.user_chars)}\n\n{TASK}")
        answers.append(cut(params.answer_chars))
    return Conversation(
        system=system,
        users=tuple(users),
        answers=tuple(answers),
        other=f"{cut(params.user_chars)}\n\n{TASK}",
    )
