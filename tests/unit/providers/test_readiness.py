"""Waiting for a server: what is tried again, for how long, and what people see of it."""

import time
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import pytest

from nobs.providers import PROVIDERS
from nobs.providers.causes import Cause
from nobs.providers.chat import ChatRequest
from nobs.providers.diagnosis import ServerUnusable
from nobs.providers.readiness import RetryPolicy, wait_until_ready
from nobs.schema.server import Connection, ModelIdentity, ServerRequest
from nobs.tasks.chat.client.chat import request_bytes
from tests.fakes.llm_routes import READY, Reply, models, one_model, reply, routes
from tests.fakes.llm_server import Answered, Choose, Script, ScriptedServer, Then, serving

OPENAI = PROVIDERS.load("openai")
LOADING = reply({"error": {"message": "Loading model"}}, "503 Service Unavailable")


def failing_first(times: int, script: Script, then: Choose) -> Choose:
    """A server that answers the first requests with `script`."""
    seen: list[Answered] = []

    def choose(answered: Answered) -> Script:
        seen.append(answered)
        return script if len(seen) <= times else then(answered)

    return choose


def wait(
    url: str,
    on_progress: Callable[[str], None],
    request_timeout_s: float = 20.0,
    **policy: float,
) -> str:
    connection = Connection(base_url=url, request_timeout_s=request_timeout_s)
    rules = RetryPolicy(**{"first_pause_s": 0.01, **policy})
    return wait_until_ready(connection, "tiny", OPENAI, on_progress, rules).model


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (LOADING, "is busy or loading (503 Loading model). Next try in 0."),
        (reply("", "429 Too Many Requests", "Retry-After: 0"), "is busy or loading (429)."),
        (Script(steps=[], then=Then.CLOSE), "closes the connection"),
    ],
)
def test_what_may_mend_itself_is_tried_again_and_told(script: Script, said: str) -> None:
    told: list[str] = []
    with serving(failing_first(3, script, one_model())) as server:
        assert wait(server.url, told.append) == "tiny"
        # Three tries, then the list, the inference, and the list again for what it describes.
        assert len(server.log) == 6
    assert len(told) == 3
    assert all(said in line for line in told)


def test_the_pauses_grow() -> None:
    told: list[str] = []
    with serving(failing_first(4, LOADING, one_model())) as server:
        wait(server.url, told.append, first_pause_s=0.1)
        at = [request.received_ns / 1e9 for request in server.log[:5]]
    pauses = [later - earlier for earlier, later in pairwise(at)]
    assert all(pause >= 0.1 * 2**n for n, pause in enumerate(pauses))


def test_retry_after_is_honoured() -> None:
    told: list[str] = []
    later = reply("", "429 Too Many Requests", "Retry-After: 0.4")
    with serving(failing_first(1, later, one_model())) as server:
        wait(server.url, told.append)
        assert (server.log[1].received_ns - server.log[0].received_ns) / 1e9 >= 0.4
    assert "asks for a retry in" in told[0]


def test_who_is_asked_to_come_back_too_late_gives_up_at_once() -> None:
    with serving(reply("", "429 Too Many Requests", "Retry-After: 3600")) as server:
        started = time.monotonic()
        with pytest.raises(ServerUnusable, match="retry in 3600 s"):
            wait(server.url, pytest.fail)
        assert time.monotonic() - started < 30
        assert len(server.log) == 1


@pytest.mark.parametrize("status", ["400 Bad", "401 Who", "403 No", "410 Gone"])
def test_what_stays_wrong_is_asked_once(status: str) -> None:
    with serving(reply({"error": {"message": "no"}}, status)) as server:
        with pytest.raises(ServerUnusable):
            wait(server.url, pytest.fail)
        assert len(server.log) == 1


def test_the_wait_ends_in_time() -> None:
    with serving(LOADING) as server:
        started = time.monotonic()
        with pytest.raises(ServerUnusable) as caught:
            wait(server.url, lambda _: None, retry_s=0.6)
        assert time.monotonic() - started < 30
    assert caught.value.cause is Cause.BUSY


def test_an_absent_server_is_waited_for_less_long() -> None:
    with serving(Script(steps=[], then=Then.CLOSE)) as server:
        started = time.monotonic()
        with pytest.raises(ServerUnusable):
            wait(server.url, lambda _: None, request_timeout_s=60.0, absent_retry_s=0.3)
        assert time.monotonic() - started < 30


def test_what_a_server_tells_of_a_model_is_kept() -> None:
    more: dict[str, Reply] = {
        "/v1/models": models("tiny", owned_by="vllm", max_model_len=8192),
        "/version": {"version": "0.11.0"},
    }
    with serving(one_model(more=more)) as server:
        request, connection = ServerRequest(model="tiny"), Connection(base_url=server.url)
        with OPENAI.open(request, connection, pytest.fail) as served:
            assert not served.is_ours
            assert served.identity == ModelIdentity(
                id="tiny", owner="vllm", context_length=8192,
                runtime="vllm", runtime_version="0.11.0",
            )  # fmt: skip


def test_a_server_that_tells_nothing_is_no_error() -> None:
    with serving(routes({})) as server:
        connection = Connection(base_url=server.url)
        assert OPENAI.identify(connection, "tiny") == ModelIdentity(id="tiny")


def chats_of(server: ScriptedServer) -> list[Answered]:
    return [asked for asked in server.log if asked.path.endswith("/chat/completions")]


def test_a_first_load_is_waited_for_on_one_connection_and_told() -> None:
    """As in https://github.com/ollama/ollama/issues/8006: who hangs up starts from nothing."""
    slow = Script(steps=[replace(step, at_s=0.6) for step in READY.steps])
    told: list[str] = []
    with serving(one_model(more={"/v1/chat/completions": slow})) as server:
        wait(server.url, told.append, request_timeout_s=20.0, retry_s=0.2, report_s=0.1)
        assert len(chats_of(server)) == 1

    assert len(told) >= 2
    assert all(line.startswith("Waiting for tiny to load and answer, ") for line in told)
    assert all(line.endswith(" s of at most 20 s.") for line in told)


def test_who_never_answers_is_asked_once_and_the_option_is_named() -> None:
    hanging = Script(steps=[], then=Then.HANG)
    with serving(one_model(more={"/v1/chat/completions": hanging})) as server:
        with pytest.raises(ServerUnusable, match=r"doesn't answer in 2 s\.") as caught:
            wait(server.url, pytest.fail, request_timeout_s=2.0)
        assert len(chats_of(server)) == 1

    assert "--request-timeout" in caught.value.remedy


@pytest.mark.parametrize("key", ["", "sesame-123"])
def test_the_check_has_the_headers_of_timed_requests(key: str) -> None:
    with serving(one_model()) as server:
        connection = Connection(base_url=server.url).with_key(key)
        wait_until_ready(connection, "tiny", OPENAI, pytest.fail)
        timed = request_bytes(connection, ChatRequest(model="m", messages=[]))
        (chat,) = chats_of(server)
    lines = timed.partition(b"\r\n\r\n")[0].decode().split("\r\n")[1:]
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}

    assert chat.headers | {"content-length": ""} == headers | {"content-length": ""}
    assert ("authorization" in headers) == bool(key)


def test_nothing_of_the_surroundings_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID"):
        monkeypatch.setenv(name, "foreign")
    with serving(one_model()) as server:
        wait(server.url, pytest.fail)
        sent = [value for asked in server.log for value in asked.headers.values()]

    assert not [value for value in sent if "foreign" in value]
