"""Waiting until a model answers: retried with growing pauses, told to people, always bounded."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from openai import OpenAIError
from tenacity import RetryCallState, Retrying, retry_if_exception, wait_exponential, wait_random

from nobs.providers.base import Access, Commands, Entry, Tell, UnknownModel
from nobs.providers.causes import ABSENT, TRANSIENT, classify
from nobs.providers.client import ANSWER_S, Server, UnexpectedAnswer
from nobs.providers.diagnosis import Asked, ServerUnusable

_SHORTEST_S = 0.1


class Kind(Protocol):
    """What a provider knows of its kind of server."""

    @property
    def commands(self) -> Commands:
        """What mends it."""

    def choose(self, wanted: str | None, models: Sequence[Entry]) -> str:
        """Find the wanted model in a server's list."""


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How long to wait for what may mend itself; the rest is never tried again."""

    wait_s: float = 120.0
    absent_wait_s: float = 10.0
    first_pause_s: float = 0.5
    longest_pause_s: float = 8.0


USUAL = Patience()
ONCE = Patience(wait_s=15.0, absent_wait_s=0.0)
"""For a diagnosis: an absent server is reported at once."""


def wait_until_ready(
    access: Access, model: str | None, kind: Kind, tell: Tell, patience: Patience = USUAL
) -> str:
    """Return the model's name as requests use it, once it has answered a test inference.

    ServerUnusable tells why it can't be used.
    """
    asked = Asked(
        base_url=access.base_url, model=model, has_key=bool(access.api_key), commands=kind.commands
    )
    retry = _Retry(patience, asked, tell)
    with Server(access, answer_s=min(ANSWER_S, patience.wait_s)) as server:
        entries = retry.call(lambda _left_s: server.models())
        name = retry.call(lambda _left_s: kind.choose(model, entries))
        retry.call(lambda left_s: server.infer(name, timeout_s=left_s))
    return name


def diagnose(access: Access, model: str | None, kind: Kind) -> ServerUnusable | None:
    """Return why the server or model can't be used, None if it can; waits for nothing absent."""
    try:
        wait_until_ready(access, model, kind, lambda _: None, ONCE)
    except ServerUnusable as error:
        return error
    return None


class _Retry:
    """Several calls that share one deadline."""

    def __init__(self, patience: Patience, asked: Asked, tell: Tell) -> None:
        self._patience = patience
        self._asked = asked
        self._tell = tell
        self._started = time.monotonic()
        self._pauses = wait_exponential(
            multiplier=patience.first_pause_s, max=patience.longest_pause_s
        ) + wait_random(0, patience.first_pause_s)

    def call[T](self, work: Callable[[float], T]) -> T:
        """Call `work` with the seconds left, again while its failure may mend itself."""
        retrying = Retrying(
            retry=retry_if_exception(lambda error: _unusable(error).cause in TRANSIENT),
            wait=self._pause_s,
            stop=self._is_over,
            before_sleep=self._report,
            reraise=True,
        )
        result: T = retrying(self._attempt, work)
        return result

    def _attempt[T](self, work: Callable[[float], T]) -> T:
        try:
            return work(max(_SHORTEST_S, self._left_s(self._patience.wait_s)))
        except (OpenAIError, UnexpectedAnswer, UnknownModel) as error:
            raise ServerUnusable(classify(error), self._asked) from error

    def _left_s(self, budget_s: float) -> float:
        return self._started + budget_s - time.monotonic()

    def _pause_s(self, state: RetryCallState) -> float:
        return max(self._pauses(state), _failure(state).finding.retry_after_s or 0.0)

    def _is_over(self, state: RetryCallState) -> bool:
        return state.upcoming_sleep >= self._left_s(self._budget_s(_failure(state)))

    def _budget_s(self, error: ServerUnusable) -> float:
        wait_s = self._patience.wait_s
        return min(wait_s, self._patience.absent_wait_s) if error.cause in ABSENT else wait_s

    def _report(self, state: RetryCallState) -> None:
        error = _failure(state)
        left_s = self._left_s(self._budget_s(error))
        self._tell(
            f"{error.message} Next try in {state.upcoming_sleep:.1f} s, "
            f"giving up in {left_s:.0f} s."
        )


def _failure(state: RetryCallState) -> ServerUnusable:
    assert state.outcome is not None  # noqa: S101 -- tenacity sets it before it asks
    return _unusable(state.outcome.exception())


def _unusable(error: BaseException | None) -> ServerUnusable:
    """Return the failure; anything else, as Ctrl-C, is raised on."""
    if isinstance(error, ServerUnusable):
        return error
    raise error or AssertionError
