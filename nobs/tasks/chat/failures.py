"""Error messages for failed requests."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Protocol

from nobs.errors import HostApiError
from nobs.providers.refusals import TOO_FEW, Part, find_refused
from nobs.tasks.chat.client.record import ChatFailure
from nobs.tasks.chat.report import LlmRequest

SHORT = "short"
"""An answer with too few tokens to have a generation time."""
_URL = (
    "The check before the run succeeded. See the server's log and check --llm-url: a gateway or"
    " another program may answer there."
)
SEE_LOG = "See the server's log, then run again."
_WAIT = "See the server's log; a smaller model or a longer --request-timeout may help."
_KEY = "Set LLM_API_KEY to a key that the server accepts."
_OWN = "See the server's log for details."
_LIMITED = re.compile(
    r"quota|rate.?limit|too many requests|credit|billing|overload|capacity|request limit",
    re.IGNORECASE,
)
_TOO_MUCH = re.compile(
    r"context.{0,40}(length|size|window|overflow|exceed)|too (many|large|long|big)|exceed|at most|"
    r"maximum|less than",
    re.IGNORECASE,
)
_LIMITS = "The server limits requests: wait, or raise the limit."
_LESS = "Reduce --max-output-tokens, or load the model with a longer context."
STATUS = {
    401: _KEY,
    403: _KEY,
    404: "Choose a model of the server with --llm-model, and check the path of --llm-url.",
    429: _LIMITS,
    503: "The server is busy or loading a model: wait, then run again.",
}
REMEDIES: dict[str, str] = {
    ChatFailure.CONNECT: "Start the server, or correct --llm-url.",
    ChatFailure.CONNECT_TIMEOUT: "Check the server's address and firewall.",
    ChatFailure.FIRST_BYTE_TIMEOUT: _WAIT,
    ChatFailure.IDLE_TIMEOUT: _WAIT,
    ChatFailure.TOTAL_TIMEOUT: _WAIT,
    ChatFailure.TOO_LARGE: _URL,
    ChatFailure.NOT_A_STREAM: _URL,
    ChatFailure.MALFORMED: _URL,
    SHORT: "Choose a model that answers these prompts, or prompts with longer answers.",
}


class Outcome(Protocol):
    """How a request ended."""

    @property
    def failure(self) -> str | None:
        """The class of failure; None of a success."""

    @property
    def error(self) -> str:
        """What the server or the system said."""


def explain(requests: Sequence[LlmRequest], where: str) -> HostApiError:
    """Return the error of a run in which too many of `requests` failed."""
    last = [request for request in requests if request.failure is not None][-1]
    return HostApiError(describe_failures(requests, where), _remedy_of(last))


def describe_failures(requests: Sequence[Outcome], where: str) -> str:
    """Return how many of `requests` failed, by kind, with the last error."""
    failed = [request for request in requests if request.failure is not None]
    kinds = Counter(str(request.failure) for request in failed)
    names = ", ".join(f"{kind} {count}" for kind, count in sorted(kinds.items()))
    return (
        f"{len(failed)} of {len(requests)} requests to {where} failed ({names}); "
        f"last error: {failed[-1].error.rstrip('.')}."
    )


def _remedy_of(request: LlmRequest) -> str:
    if request.failure == ChatFailure.SERVER_ERROR:
        return _remedy_for_words(request.error, SEE_LOG)
    if request.failure != ChatFailure.HTTP_STATUS or request.status is None:
        return REMEDIES.get(str(request.failure), SEE_LOG)
    if request.status in STATUS:
        return STATUS[request.status]
    return _remedy_for_words(request.error, SEE_LOG if request.status >= 500 else _OWN)


def _remedy_for_words(said: str, otherwise: str) -> str:
    """Return the remedy for a server's message; its check accepted every part of the request."""
    if _LIMITED.search(said):
        return _LIMITS
    refused = find_refused(said)
    if refused - {Part.LIMIT}:
        names = " and ".join(sorted(refused))
        return (
            f"The server refused {names} although it accepted it in the check before the run: a "
            "gateway with several models may be in between."
        )
    if refused and TOO_FEW.search(said):
        return "Raise --max-output-tokens."
    return _LESS if _TOO_MUCH.search(said) else otherwise
