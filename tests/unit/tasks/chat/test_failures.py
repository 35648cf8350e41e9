"""What people read when requests of a run fail: the remedy fits the cause."""

import pytest

from nobs.tasks.chat.failures import explain
from nobs.tasks.chat.report import LlmRequest

LESS = "Reduce --max"
OWN = "See the server's log for details"
HERE = "The server refused"
LOG = "See the server's log"


@pytest.mark.parametrize(
    ("status", "said", "remedy"),
    [
        (400, "This model's maximum context length is 4096 tokens.", LESS),
        (400, "the request exceeds the available context size (4096 tokens)", LESS),
        (422, "max_tokens must be less than or equal to 1024", LESS),
        (400, "max_tokens is too large: 2048", LESS),
        (400, "Please try again with higher max_tokens.", "Raise --max"),
        (422, "max_tokens must be at least 1024", "Raise --max"),
        (500, "context window exceeded", LESS),
        (400, "Unrecognized request argument supplied: stream_options", HERE),
        (422, "temperature: Extra inputs are not permitted", HERE),
        (400, "System role not supported", HERE),
        (400, "Something of its own.", OWN),
        (422, "Invalid image", OWN),
        (500, "CUDA error", LOG),
        (400, "You exceeded your current quota", "limits requests"),
        (500, "Worker local total request limit reached (33/32)", "limits requests"),
        (401, "no such key", "LLM_API_KEY"),
        (404, "no such model", "--llm-model"),
        (503, "busy", "busy"),
    ],
)
def test_the_remedy_of_a_refusal_fits_its_words(status: int, said: str, remedy: str) -> None:
    request = LlmRequest(
        prompt=1, failure="http-status", status=status, error=f"HTTP {status}: {said}"
    )
    error = explain([request], "http://x/v1")

    assert error.remedy.startswith(remedy) or remedy in error.remedy
    assert (LESS in error.remedy) == (remedy == LESS)
    assert ".." not in f"{error.message} {error.remedy}"


def test_an_error_in_the_stream_is_read_too() -> None:
    words = "Error rendering prompt with jinja template"
    request = LlmRequest(prompt=1, failure="server-error", status=200, error=words)

    assert "a system message" in explain([request], "http://x/v1").remedy
