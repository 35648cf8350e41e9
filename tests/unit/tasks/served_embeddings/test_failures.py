import pytest

from nobs.tasks.chat.client.record import ChatFailure
from nobs.tasks.served_embeddings.failures import explain
from nobs.tasks.served_embeddings.vectors import Answer, Fault


def refused(status: int) -> Answer:
    return Answer(failure=ChatFailure.HTTP_STATUS, status=status, error=f"HTTP {status}")


@pytest.mark.parametrize(
    ("answer", "remedy"),
    [
        (refused(413), "Send fewer texts per request, as in --inputs 1,8"),
        (refused(422), "Fewer texts per request may help"),
        (refused(401), "Set LLM_API_KEY"),
        (refused(429), "The server limits requests"),
        (refused(500), "See the server's log, then run again."),
        (Answer(failure=ChatFailure.CONNECT, error="refused"), "Start the server"),
        (Answer(failure=ChatFailure.FIRST_BYTE_TIMEOUT, error="late"), "--request-timeout"),
        (Answer(failure=Fault.ZERO, status=200, error="zeros"), "check the model and its pooling"),
    ],
)
def test_the_remedy_fits_the_failure(answer: Answer, remedy: str) -> None:
    error = explain([None, answer], "http://a/v1")

    assert error.message.startswith("1 of 1 requests to http://a/v1 failed")
    assert remedy in error.remedy


def test_a_server_that_was_asked_nothing_more_is_named() -> None:
    assert explain([None], "http://a/v1").message == "http://a/v1 answered no request."
