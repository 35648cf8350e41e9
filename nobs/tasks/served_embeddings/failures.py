"""Error messages for failed requests."""

from collections.abc import Sequence

from nobs.errors import HostApiError
from nobs.tasks.chat.failures import REMEDIES, SEE_LOG, STATUS, describe_failures
from nobs.tasks.served_embeddings.vectors import Answer, Fault

_FEWER = "See the server's log. Fewer texts per request may help: --inputs 1,8."
_STATUS = STATUS | {
    400: _FEWER,
    413: "Send fewer texts per request, as in --inputs 1,8, or raise the server's limit.",
    422: _FEWER,
}


def explain(answers: Sequence[Answer | None], where: str) -> HostApiError:
    """Return the error of a step without any vectors."""
    failed = [answer for answer in answers if answer is not None and answer.failure is not None]
    if not failed:
        return HostApiError(f"{where} answered no request.", SEE_LOG)
    return HostApiError(describe_failures(failed, where), _remedy_of(failed[-1]))


def _remedy_of(answer: Answer) -> str:
    if isinstance(answer.failure, Fault):
        return "The server's vectors are wrong: check the model and its pooling."
    return _STATUS.get(answer.status or 0) or REMEDIES.get(str(answer.failure), SEE_LOG)
