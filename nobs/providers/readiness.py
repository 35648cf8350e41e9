"""Waiting until a model answers: retried with growing pauses, told to people, always bounded."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Protocol

from openai import OpenAIError
from tenacity import RetryCallState, Retrying, retry_if_exception, wait_exponential, wait_random

from nobs.providers.base import Access, Commands, Entry, Tell, UnknownModel
from nobs.providers.causes import ABSENT, TRANSIENT, Cause, Finding, classify
from nobs.providers.chat import ChatRequest, messages_of, new_prefix
from nobs.providers.client import ANSWER_S, ErrorAnswer, Server, UnexpectedAnswer
from nobs.providers.diagnosis import Asked, ServerUnusable
from nobs.providers.evidence import Elsewhere, find_elsewhere
from nobs.providers.model_names import find_other_model
from nobs.providers.negotiation import negotiate
from nobs.schema.server import ModelIdentity, RequestShape

PROMPT = "Say: ready."
TEST_TOKENS = 16
"""Some gateways refuse limits below it."""
ENOUGH_TOKENS = 2048
"""For models that refuse to begin where their reasoning would not fit."""


class Kind(Protocol):
    """What a provider knows of its kind of server."""

    @property
    def commands(self) -> Commands:
        """What mends it."""

    def choose(self, wanted: str | None, models: Sequence[Entry]) -> str:
        """Find the wanted model in a server's list."""

    def identify(self, access: Access, model: str) -> ModelIdentity:
        """Return what the server says of `model`."""


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How long to wait for what may mend itself; the rest is never tried again."""

    wait_s: float = 300.0
    absent_wait_s: float = 10.0
    answer_s: float = 300.0
    """How long the test inference may be silent: it is never hung up on before, since servers give
    up a load whose client has gone."""
    report_s: float = 10.0
    """How often people read that an answer is still waited for."""
    first_pause_s: float = 0.5
    longest_pause_s: float = 8.0


USUAL = Patience()
ONCE = Patience(wait_s=15.0, absent_wait_s=0.0)
"""For a diagnosis: an absent server is reported at once."""


@dataclass(frozen=True, kw_only=True)
class Answering:
    """A model that has answered a request as the timed ones will be."""

    model: str
    """As requests name it."""
    request: RequestShape
    identity: ModelIdentity
    elsewhere: Elsewhere | None


def wait_until_ready(
    access: Access, model: str | None, kind: Kind, tell: Tell, patience: Patience = USUAL
) -> Answering:
    """Return the model and what requests to it are made of, once it has answered one.

    ServerUnusable says why it can't be used.
    """
    asked = Asked(
        base_url=access.base_url, model=model, has_key=bool(access.api_key), commands=kind.commands
    )
    retry = _Retry(patience, asked, tell)
    with Server(access, answer_s=min(ANSWER_S, patience.wait_s)) as server:
        name = _find_name(server, model, kind, retry)
        asking = _Asking(server=server, model=name, retry=retry, tell=tell, patience=patience)
        found = negotiate(asking.ask)
    identity = kind.identify(access, name)
    if (other := find_other_model(identity, server.seen.model)) is not None:
        finding = Finding(cause=Cause.OTHER_MODEL, detail=other, models=(name,))
        raise ServerUnusable(finding, asked)
    elsewhere = find_elsewhere(identity, server.seen)
    return Answering(model=name, request=found, identity=identity, elsewhere=elsewhere)


def _find_name(server: Server, model: str | None, kind: Kind, retry: "_Retry") -> str:
    """Return the name of the model; a server without a list is asked for what the user named."""
    try:
        entries = retry.call(server.models)
    except ServerUnusable as error:
        if model is None or not error.finding.is_no_route:
            raise
        return model
    return retry.call(lambda: kind.choose(model, entries))


@dataclass(frozen=True, kw_only=True)
class _Asking:
    """Sends test inferences to one model."""

    server: Server
    model: str
    retry: "_Retry"
    tell: Tell
    patience: Patience

    def ask(self, shape: RequestShape) -> None:
        """Have a short request of that shape answered; ServerUnusable where it isn't."""
        try:
            self._infer(shape, TEST_TOKENS)
        except ServerUnusable as error:
            if not error.finding.wants_more_tokens:
                raise
            self._infer(shape, ENOUGH_TOKENS)

    def _infer(self, shape: RequestShape, tokens: int) -> None:
        messages = messages_of(shape, new_prefix(), PROMPT)
        request = ChatRequest(model=self.model, messages=messages, max_tokens=tokens, shape=shape)
        wait_s = self.patience.answer_s
        with self._reporting():
            self.retry.call(lambda: self.server.infer(request, timeout_s=wait_s), waits_s=wait_s)

    @contextmanager
    def _reporting(self) -> Iterator[None]:
        """Tell every few seconds how long the answer has been waited for."""
        over, started = threading.Event(), time.monotonic()

        def report() -> None:
            while not over.wait(self.patience.report_s):
                self.tell(
                    f"Waiting for {self.model} to load and answer, "
                    f"{time.monotonic() - started:.0f} s of at most {self.patience.answer_s:.0f} s."
                )

        reporter = threading.Thread(target=report, daemon=True)
        reporter.start()
        try:
            yield
        finally:
            over.set()
            reporter.join()


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

    def call[T](self, work: Callable[[], T], *, waits_s: float | None = None) -> T:
        """Call `work`, which waits for an inference so long, again while that may help."""
        retrying = Retrying(
            retry=retry_if_exception(lambda error: _unusable(error).cause in TRANSIENT),
            wait=self._pause_s,
            stop=self._is_over,
            before_sleep=self._report,
            reraise=True,
        )
        result: T = retrying(self._attempt, work, waits_s)
        return result

    def _attempt[T](self, work: Callable[[], T], waits_s: float | None) -> T:
        try:
            return work()
        except (OpenAIError, UnexpectedAnswer, ErrorAnswer, UnknownModel) as error:
            finding = replace(classify(error), waited_s=waits_s)
            raise ServerUnusable(finding, self._asked) from error

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
