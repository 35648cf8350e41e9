"""What people read where the request before the run breaks off or is answered in an odd place."""

from typing import Any

import pytest

from nobs.providers.causes import Cause
from tests.fakes.llm_checks import LASTING, PATIENT_S, chat, fail
from tests.fakes.llm_routes import reply
from tests.fakes.llm_server import Script, Send, Then, serving
from tests.fakes.llm_streams import chunked, delta, event, head

STREAM = "text/event-stream"


def said_in_stream(**error: Any) -> Script:
    return reply(event({"error": error}), kind=STREAM)


@pytest.mark.parametrize(
    ("script", "cause", "said"),
    [
        (
            Script(
                steps=[Send(0, head("Transfer-Encoding: chunked") + chunked(event(delta())))],
                then=Then.CLOSE,
            ),
            Cause.CLOSED, "closes the connection",
        ),
        (said_in_stream(message="Loading model", code=503), Cause.BUSY, "Loading model"),
        (said_in_stream(message="slow down", code="429"), Cause.BUSY, "slow down"),
        (said_in_stream(message="who are you?", code=401), Cause.KEY, "requires a key"),
        (said_in_stream(message="of its own", code=7), Cause.REFUSED, "of its own"),
        (
            reply("", "307 Temporary Redirect", "Location: https://x/v1/chat/completions"),
            Cause.OTHER_PROGRAM, "use the final address, --llm-url",
        ),
    ],
)  # fmt: skip
def test_the_cause_is_what_the_server_did(script: Script, cause: Cause, said: str) -> None:
    with serving(chat(script)) as server:
        error = fail(server.url, wait_s=LASTING.get(cause, PATIENT_S))

    assert error.cause is cause, error.message
    assert said in f"{error.message} {error.remedy}"
