"""Waiting until a model answers: retried with growing pauses, reported, always bounded."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from openai import OpenAIError
from tenacity import RetryCallState, Retrying, retry_if_exception, wait_exponential, wait_random

from nobs.providers.base import OnProgress, ServedModel, UnknownModel
from nobs.providers.causes import ABSENT, TRANSIENT, Cause, Finding, classify
from nobs.providers.chat import ChatRequest, messages_of, new_prefix
from nobs.providers.client import ANSWER_S, ErrorAnswer, Server, UnexpectedAnswer
from nobs.providers.definitions import Definition
from nobs.providers.diagnosis import ServerUnusable
from nobs.providers.embed import EmbedRequest
from nobs.providers.evidence import find_elsewhere
from nobs.providers.model_names import find_other_model
from nobs.providers.negotiation import negotiate
from nobs.schema.server import Api, Connection, RequestShape

PROMPT = "Say: ready."
TEST_TOKENS = 16
"""Some gateways refuse limits below it."""
ENOUGH_TOKENS = 2048
"""For models that refuse to begin where their reasoning would not fit."""


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """How long to retry temporary failures; others are never retried."""

    retry_s: float | None = None
    """None: as long as the longest silence that the connection allows."""
    absent_retry_s: float = 10.0
    """For a server that doesn't listen."""
    report_s: float = 10.0
    """Interval of progress while waiting for an answer."""
    first_pause_s: float = 0.5
    longest_pause_s: float = 8.0


USUAL = RetryPolicy()
ONCE = RetryPolicy(retry_s=15.0, absent_retry_s=0.0)
"""For a diagnosis: an absent server is reported at once."""


def wait_until_ready(  # noqa: PLR0913 - the last two have defaults
    connection: Connection,
    model: str | None,
    provider: Definition,
    on_progress: OnProgress,
    policy: RetryPolicy = USUAL,
    *,
    api: Api = Api.CHAT,
) -> ServedModel:
    """Return the model and the parts of its requests, once it has answered one.

    The test inference may be silent for as long as a timed request: servers give up loading a model
    when the client hangs up. ServerUnusable says why the server can't be used.
    """
    retry_s = connection.request_timeout_s if policy.retry_s is None else policy.retry_s

    def unusable(finding: Finding) -> ServerUnusable:
        return ServerUnusable(finding, connection, model, provider.commands)

    retry = _Retry(policy, retry_s, unusable, on_progress)
    with Server(connection, answer_s=min(ANSWER_S, retry_s)) as server:
        name = _find_name(server, model, provider, retry)
        test = _TestInference(
            server=server,
            model=name,
            retry=retry,
            on_progress=on_progress,
            timeout_s=connection.request_timeout_s,
            report_s=policy.report_s,
        )
        shape = negotiate(test.send) if api is Api.CHAT else test.embed()
    identity = provider.identify(connection, name)
    if (other := find_other_model(identity, server.seen.model)) is not None:
        raise unusable(Finding(cause=Cause.OTHER_MODEL, detail=other, models=(name,)))
    return ServedModel(
        connection=connection,
        model=name,
        request=shape,
        identity=identity,
        elsewhere=find_elsewhere(identity, server.seen),
    )


def _find_name(server: Server, model: str | None, provider: Definition, retry: "_Retry") -> str:
    """Return the name of the model; a server without a list is asked for what the user named."""
    try:
        entries = retry.call(server.models)
    except ServerUnusable as error:
        if model is None or not error.finding.is_no_route:
            raise
        return model
    return retry.call(lambda: provider.choose(model, entries))


@dataclass(frozen=True, kw_only=True)
class _TestInference:
    """Sends test inferences to one model."""

    server: Server
    model: str
    retry: "_Retry"
    on_progress: OnProgress
    timeout_s: float
    report_s: float

    def send(self, shape: RequestShape) -> None:
        """Send a short request of that shape; ServerUnusable where it isn't answered."""
        try:
            self._infer(shape, TEST_TOKENS)
        except ServerUnusable as error:
            if not error.finding.wants_more_tokens:
                raise
            self._infer(shape, ENOUGH_TOKENS)

    def embed(self) -> RequestShape:
        """Ask for the vector of a text; such requests have no parts to leave out."""
        request = EmbedRequest(model=self.model, texts=[PROMPT])
        self._call(lambda: self.server.embed(request, timeout_s=self.timeout_s))
        return RequestShape()

    def _infer(self, shape: RequestShape, tokens: int) -> None:
        messages = messages_of(shape, new_prefix(), PROMPT)
        request = ChatRequest(model=self.model, messages=messages, max_tokens=tokens, shape=shape)
        self._call(lambda: self.server.infer(request, timeout_s=self.timeout_s))

    def _call(self, infer: Callable[[], None]) -> None:
        with self._reporting():
            self.retry.call(infer, timeout_s=self.timeout_s)

    @contextmanager
    def _reporting(self) -> Iterator[None]:
        """Report every few seconds how long the answer is awaited."""
        over, started = threading.Event(), time.monotonic()

        def report() -> None:
            while not over.wait(self.report_s):
                self.on_progress(
                    f"Waiting for {self.model} to load and answer, "
                    f"{time.monotonic() - started:.0f} s of at most {self.timeout_s:.0f} s."
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

    def __init__(
        self,
        policy: RetryPolicy,
        retry_s: float,
        unusable: Callable[[Finding], ServerUnusable],
        on_progress: OnProgress,
    ) -> None:
        self._retry_s = retry_s
        self._absent_retry_s = min(retry_s, policy.absent_retry_s)
        self._unusable = unusable
        self._on_progress = on_progress
        self._started = time.monotonic()
        self._pauses = wait_exponential(
            multiplier=policy.first_pause_s, max=policy.longest_pause_s
        ) + wait_random(0, policy.first_pause_s)

    def call[T](self, work: Callable[[], T], *, timeout_s: float | None = None) -> T:
        """Call `work`, an inference if it has a timeout, again while that may help."""
        retrying = Retrying(
            retry=retry_if_exception(lambda error: _unusable(error).cause in TRANSIENT),
            wait=self._pause_s,
            stop=self._is_over,
            before_sleep=self._report,
            reraise=True,
        )
        result: T = retrying(self._attempt, work, timeout_s)
        return result

    def _attempt[T](self, work: Callable[[], T], timeout_s: float | None) -> T:
        try:
            return work()
        except (OpenAIError, UnexpectedAnswer, ErrorAnswer, UnknownModel) as error:
            raise self._unusable(replace(classify(error), waited_s=timeout_s)) from error

    def _left_s(self, budget_s: float) -> float:
        return self._started + budget_s - time.monotonic()

    def _pause_s(self, state: RetryCallState) -> float:
        return max(self._pauses(state), _failure(state).finding.retry_after_s or 0.0)

    def _is_over(self, state: RetryCallState) -> bool:
        return state.upcoming_sleep >= self._left_s(self._budget_s(_failure(state)))

    def _budget_s(self, error: ServerUnusable) -> float:
        return self._absent_retry_s if error.cause in ABSENT else self._retry_s

    def _report(self, state: RetryCallState) -> None:
        error = _failure(state)
        left_s = self._left_s(self._budget_s(error))
        self._on_progress(
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
