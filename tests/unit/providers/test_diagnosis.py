"""Why a server can't be used: each cause from a server that really behaves so."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain, count, repeat
from pathlib import Path

import pytest

from nobs.providers import PROVIDERS
from nobs.providers.base import ServedModel
from nobs.providers.causes import Cause
from nobs.providers.readiness import ONCE, wait_until_ready
from nobs.schema.server import Connection, ModelIdentity
from tests.fakes.llm_checks import BRIEFLY, LASTING, OPENAI, PATIENT_S, chat, fail
from tests.fakes.llm_routes import models, one_model, reply, routes
from tests.fakes.llm_server import Choose, Script, Send, Then, serving
from tests.fakes.llm_streams import event, head


def tiny(connection: Connection) -> ServedModel:
    return ServedModel(
        connection=connection, model="tiny", identity=ModelIdentity(id="tiny"), elsewhere=None
    )


@contextmanager
def closed_port() -> Iterator[str]:
    """A port of this machine's on which nobody listens."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{held.getsockname()[1]}/v1"


@contextmanager
def deaf_port() -> Iterator[str]:
    """A port that doesn't even refuse, as behind a firewall: its queue of connections is full."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(listener.getsockname())
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
        for each in waiting:
            each.close()


def test_a_server_that_answers_has_nothing_to_mend() -> None:
    with serving(one_model()) as server:
        connection = Connection(base_url=server.url)
        served = wait_until_ready(connection, "tiny", OPENAI, pytest.fail, ONCE)
        assert served == tiny(connection)
        paths = [request.path for request in server.log]
        assert paths == ["/v1/models", "/v1/chat/completions", "/v1/models"]
        assert server.log[1].values["max_tokens"] == 16
        assert "authorization" not in server.log[0].headers


def test_a_key_is_sent_and_never_shown() -> None:
    with serving(reply({"error": {"message": "no"}}, "401 Unauthorized")) as server:
        error = fail(server.url, key="sesame-123")
        assert server.log[0].headers["authorization"] == "Bearer sesame-123"
    assert "rejects the key" in error.message
    assert "sesame-123" not in f"{error} {error!r}"


def test_nobody_listens() -> None:
    with closed_port() as url:
        error = fail(url)
    assert error.cause is Cause.NOT_RUNNING
    assert error.message == f"Nothing listens at {url} (connection refused)."
    assert error.remedy.endswith("Or use another one: --llm-url URL.")
    assert error.exit_code == 4


def test_a_name_that_nobody_has() -> None:
    error = fail("http://no-such-host.invalid:1234/v1")
    assert error.cause is Cause.UNRESOLVED
    assert "'no-such-host.invalid'" in error.message


def test_an_address_without_a_way() -> None:
    error = fail("http://255.255.255.255:1234/v1")
    assert error.cause is Cause.UNREACHABLE
    assert "There is no route to" in error.message


def test_a_firewall() -> None:
    with deaf_port() as url:
        error = fail(url, wait_s=LASTING[Cause.NO_REPLY])
    assert error.cause is Cause.NO_REPLY
    assert "firewall" in error.remedy


def test_tls_where_the_server_has_none() -> None:
    with serving(one_model()) as server:
        error = fail(server.url.replace("http:", "https:"), wait_s=2.0)
    assert error.cause is Cause.TLS
    assert "http://" in error.remedy


BAD_LISTS: dict[str, tuple[Choose, Cause, str]] = {
    "200 to everything": (routes({}, reply("ok", kind="text/plain")), Cause.OTHER_PROGRAM, "'ok'"),
    "a web page": (routes({}, reply("<html>hi", kind="text/html")), Cause.OTHER_PROGRAM, "<html>"),
    "another JSON": (routes({}, {"status": "ok"}), Cause.OTHER_PROGRAM, "no list of models"),
    "half a JSON": (routes({}, reply('{"data": [{"id"')), Cause.OTHER_PROGRAM, "list of models"),
    "entries without ids": (routes({}, {"data": [{}]}), Cause.OTHER_PROGRAM, "list of models"),
    "no UTF-8": (routes({}, reply(b"\xff\xfe\x00")), Cause.OTHER_PROGRAM, "list of models"),
    "no such route": (routes({}), Cause.OTHER_PROGRAM, "File Not Found"),
    "a page of 404": (
        routes({}, reply("<html>Cannot GET /v1/models", "404 Not Found", kind="text/html")),
        Cause.OTHER_PROGRAM, "404",
    ),
    "a redirect": (
        routes({}, reply("", "302 Found", "Location: /login")), Cause.OTHER_PROGRAM, "/login",
    ),
    "another protocol": (
        routes({}, Script(steps=[Send(0, b"220 smtp ready\r\n")], then=Then.CLOSE)),
        Cause.CLOSED,
        "disconnected",
    ),
    "a close": (routes({}, Script(steps=[], then=Then.CLOSE)), Cause.CLOSED, "disconnected"),
    "a reset": (routes({}, Script(steps=[], then=Then.RESET)), Cause.CLOSED, "reset"),
    "silence": (routes({}, Script(steps=[], then=Then.HANG)), Cause.SILENT, "doesn't answer"),
    "an endless answer": (
        routes({}, Script(steps=chain([Send(0, head())], (Send(n / 100, b"x") for n in count())))),
        Cause.SILENT, "doesn't answer",
    ),
    "a huge answer": (
        routes({}, Script(steps=(Send(0, data) for data in (head(), *repeat(b"x" * 2**20, 20))))),
        Cause.OTHER_PROGRAM, "more than 16000000 bytes",
    ),
    "no key": (
        routes({}, reply({"error": {"message": "Missing key"}}, "401 Unauthorized")),
        Cause.KEY, "requires a key (401 Missing key)",
    ),
    "forbidden": (routes({}, reply({"detail": "go"}, "403 Forbidden")), Cause.KEY, "403 go"),
    "a failure": (routes({}, reply("oops", "500 Oh")), Cause.REFUSED, "500 oops"),
    "an empty list": (routes({"/v1/models": models()}), Cause.MODEL, "'tiny'"),
    "a null list": (routes({"/v1/models": {"object": "list", "data": None}}), Cause.MODEL, "tiny"),
}  # fmt: skip


@pytest.mark.parametrize("kind", BAD_LISTS)
def test_a_server_without_a_list_of_models(kind: str) -> None:
    choose, cause, said = BAD_LISTS[kind]
    with serving(choose) as server:
        error = fail(server.url, wait_s=LASTING.get(cause, PATIENT_S))
    assert (error.cause, said in error.message) == (cause, True), error.message


BAD_COMPLETIONS: dict[str, tuple[Script, Cause, str]] = {
    "llama.cpp's context": (
        reply({"error": {"code": 400, "message": "request (18031 tokens) exceeds the available "
                         "context size (4096 tokens), try increasing it",
                         "type": "exceed_context_size_error"}}, "400 Bad Request"),
        Cause.CONTEXT, "4096",
    ),
    "OpenAI's context": (
        reply({"error": {"message": "too long", "code": "context_length_exceeded"}}, "400 Bad"),
        Cause.CONTEXT, "too long",
    ),
    "vLLM's context": (
        reply({"object": "error", "message": "This model's maximum context length is 16 tokens.",
               "type": "BadRequestError", "code": 400}, "400 Bad"),
        Cause.CONTEXT, "16",
    ),
    "LM Studio's unloaded model": (
        reply({"error": {"message": "No models loaded.", "param": "model",
                         "code": "model_not_found"}}, "400 Bad"),
        Cause.MODEL, "No models loaded",
    ),
    "Ollama's model": (
        reply({"error": {"message": 'model "tiny" not found, try pulling it first'}}, "404 No"),
        Cause.MODEL, "pulling",
    ),
    "no route": (reply({"detail": "Not Found"}, "404 Not Found"), Cause.OTHER_PROGRAM, "404"),
    "an error in 200": (reply({"error": "out of memory"}), Cause.REFUSED, "memory"),
    "an error in the stream": (
        reply(event({"error": {"message": "Model crashed."}}), kind="text/event-stream"),
        Cause.REFUSED, "an error: Model crashed.",
    ),
    "an empty stream": (
        reply(event("[DONE]"), kind="text/event-stream"), Cause.OTHER_PROGRAM, "no stream",
    ),
    "no choices": (reply({"choices": []}), Cause.OTHER_PROGRAM, "no stream"),
    "a whole answer": (
        reply({"choices": [{"message": {"content": "ready."}}]}), Cause.PART, "doesn't stream",
    ),
    "streams refused": (
        reply({"error": {"message": "Streaming is not supported."}}, "400 Bad"), Cause.PART,
        "doesn't stream: 400 Streaming is not supported.",
    ),
    "a cut answer": (
        Script(steps=[Send(0, head("Content-Length: 99") + b"{")], then=Then.CLOSE),
        Cause.OTHER_PROGRAM, "without sending complete",
    ),
    "silence": (Script(steps=[], then=Then.HANG), Cause.SILENT, "doesn't answer"),
    "overload": (reply({"error": {"message": "Loading"}}, "503 Later"), Cause.BUSY, "Loading"),
}  # fmt: skip


@pytest.mark.parametrize("kind", BAD_COMPLETIONS)
def test_a_model_that_fails_the_test_inference(kind: str) -> None:
    script, cause, said = BAD_COMPLETIONS[kind]
    with serving(chat(script)) as server:
        error = fail(server.url, wait_s=LASTING.get(cause, PATIENT_S))
    assert (error.cause, said in error.message) == (cause, True), error.message
    assert ".." not in f"{error.message} {error.remedy}"


def test_an_unknown_model_is_told_with_those_that_are_there() -> None:
    with serving(routes({"/v1/models": models("qwen-3b", "tiny-2")})) as server:
        error = fail(server.url, model="tiny")
    assert error.cause is Cause.MODEL
    assert error.finding.models == ("qwen-3b", "tiny-2")
    assert "it has: qwen-3b, tiny-2." in error.message
    assert "--llm-model tiny-2" in error.remedy


def test_one_of_several_models_has_to_be_named() -> None:
    with serving(routes({"/v1/models": models("a", "b")})) as server:
        error = fail(server.url, model=None)
    assert error.message.endswith("has several models: a, b.")


def test_a_name_that_may_mean_several_is_no_reason_to_download() -> None:
    ids = models("lfm2-350m@bf16", "lfm2-350m@f16")
    with serving(routes({"/v1/models": ids})) as server:
        error = fail(server.url, "lfm2-350m", of=PROVIDERS.load("lmstudio"))

    assert error.message.endswith(
        "several models that 'lfm2-350m' may mean: lfm2-350m@bf16, lfm2-350m@f16."
    )
    assert error.remedy == "Choose one of them: --llm-model NAME."


def test_the_only_model_needs_no_name() -> None:
    with serving(one_model("only")) as server:
        connection = Connection(base_url=server.url)
        assert wait_until_ready(connection, None, OPENAI, pytest.fail, BRIEFLY).model == "only"


def test_a_url_without_v1_is_told() -> None:
    with serving(one_model()) as server:
        error = fail(server.url.removesuffix("/v1"))
    assert "The URL usually ends in /v1." in error.remedy


def test_what_mends_it_names_the_port_and_the_model() -> None:
    with closed_port() as url:
        error = fail(url, of=PROVIDERS.load("llamacpp"))
        port = url.split(":")[2].removesuffix("/v1")
    assert f"llama-server -m FILE.gguf --alias tiny --port {port}" in error.remedy


def test_through_a_unix_socket(tmp_path: Path) -> None:
    path = tmp_path / "server.sock"
    connection = Connection(base_url="http://studio.invalid:1234/v1", socket=str(path))
    with serving(one_model(), unix_socket=path) as server:
        served = wait_until_ready(connection, "tiny", OPENAI, pytest.fail, ONCE)
        assert served == tiny(connection)
        assert server.log[0].headers["host"] == "studio.invalid:1234"
