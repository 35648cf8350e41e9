"""`nobs doctor` on this machine, in a child process."""

import json
from pathlib import Path

import pytest

from nobs.providers.refusals import Part
from nobs.system.packages import find_missing
from nobs.tasks import TASKS
from tests.fakes.command import NO_ENGINE, environment, run_nobs
from tests.fakes.embed_server import embed_server
from tests.fakes.hub import fake_hub
from tests.fakes.llm_answers import MODEL
from tests.fakes.llm_refusals import of_openai, refusing
from tests.fakes.llm_routes import Reply, models, one_model, reply, routes
from tests.fakes.llm_server import Answered, Script, serving
from tests.fakes.ports import free_port

pytestmark = pytest.mark.skipif(
    bool(find_missing(TASKS.load("embeddings").packages)),
    reason="the worker of these checks is this installation's; install nobs[bench]",
)


def examine(cwd: Path, *words: str, **changes: str) -> tuple[int, dict[str, dict[str, str]]]:
    done = run_nobs("doctor", "--json", *words, cwd=cwd, env=environment(cwd, **changes))
    assert done.stderr == ""
    assert list(cwd.rglob("results/*")) == []
    return done.returncode, {check["name"]: check for check in json.loads(done.stdout)}


def test_a_cpu_needs_no_engine_where_the_worker_is_installed(tmp_path: Path) -> None:
    code, checks = examine(tmp_path, "--backend", "cpu")
    assert code == 0
    assert checks["engine"]["state"] == "warn"
    assert NO_ENGINE in checks["engine"]["found"]
    assert checks["worker"]["state"] == "ok"
    assert "torch " in checks["worker"]["found"]
    assert checks["driver"]["state"] == checks["gpu runtime"]["state"] == "skip"


def test_an_unreachable_hub_and_an_empty_cache_are_warnings(tmp_path: Path) -> None:
    code, checks = examine(tmp_path, "--backend", "cpu")
    assert code == 0
    assert checks["hub"]["state"] == "warn"
    assert "http://127.0.0.1:9 can't be reached" in checks["hub"]["found"]
    assert "refused" in checks["hub"]["found"]
    assert checks["cache"]["state"] == "warn"
    assert "missing: stanfordnlp/imdb, thenlper/gte-large" in checks["cache"]["found"]


def test_a_hub_that_answers(tmp_path: Path) -> None:
    with fake_hub(tmp_path) as hub:
        _, checks = examine(tmp_path, "--backend", "cpu", HF_ENDPOINT=hub.url)
    assert (checks["hub"]["state"], checks["hub"]["found"]) == ("ok", f"{hub.url} answers")


def test_a_hub_that_is_not_to_be_used(tmp_path: Path) -> None:
    _, checks = examine(tmp_path, "--backend", "cpu", HF_HUB_OFFLINE="1")
    assert checks["hub"]["state"] == "skip"


def test_a_missing_gpu_fails_its_backend(tmp_path: Path) -> None:
    code, checks = examine(tmp_path, "--backend", "mps")
    if checks["driver"]["state"] == "ok":
        pytest.skip("this machine has an Apple chip")
    assert code == 3
    assert "Apple chip" in checks["driver"]["found"]
    assert "--backend" in checks["driver"]["remedy"]


def test_results_that_are_a_file_fail(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    code, checks = examine(tmp_path, "--backend", "cpu", "--results", "taken")
    assert code == 3
    assert checks["results"]["state"] == "fail"


def test_a_cache_that_containers_do_not_see(tmp_path: Path) -> None:
    elsewhere = str(tmp_path / "elsewhere")
    _, checks = examine(tmp_path, "--backend", "cpu", HF_HUB_CACHE=elsewhere)
    assert checks["cache"]["state"] == "warn"
    assert elsewhere in checks["cache"]["found"]
    assert "HF_HOME" in checks["cache"]["remedy"]


def test_people_read_it_at_80_columns(tmp_path: Path) -> None:
    done = run_nobs("doctor", "--backend", "cpu", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("ok   python        Python 3.")
    assert [line for line in lines if len(line) > 80 and " " in line[19:].strip()] == []


def test_an_absent_server_is_a_warning_unless_it_was_named(tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}/v1"
    unnamed, checks = examine(tmp_path, "--backend", "cpu")
    named, named_checks = examine(tmp_path, "--backend", "cpu", "--llm-url", url)

    assert (unnamed, named) == (0, 3)
    assert checks["llm server"]["state"] in ("ok", "warn")
    assert named_checks["llm server"]["state"] == "fail"
    assert f"Nothing listens at {url}" in named_checks["llm server"]["found"]
    assert named_checks["llm server"]["remedy"].startswith("Start the server:")


def test_a_server_that_answers_is_told_with_who_else_reaches_it(tmp_path: Path) -> None:
    with serving(one_model("tiny")) as server:
        code, checks = examine(
            tmp_path, "--backend", "cpu", "--llm-model", "tiny", LLM_BASE_URL=server.url
        )

    assert (code, checks["llm server"]["state"]) == (0, "ok")
    assert f"at {server.url} answers with tiny" in checks["llm server"]["found"]
    assert "listens on loopback only" in checks["llm server"]["found"]


def test_what_a_server_refuses_is_told(tmp_path: Path) -> None:
    refused = frozenset({Part.SYSTEM_ROLE, Part.TEMPERATURE})
    with serving(refusing(refused, of_openai)) as server:
        code, checks = examine(
            tmp_path, "--backend", "cpu", "--llm-url", server.url, "--llm-model", MODEL
        )

    assert (code, checks["llm server"]["state"]) == (0, "ok")
    assert "the nonce is in the user message" in checks["llm server"]["found"]
    assert "no temperature is sent" in checks["llm server"]["found"]


@pytest.mark.parametrize(
    "refusal",
    [
        reply({"detail": "Not Found"}, "404 Not Found"),
        reply({"error": {"message": "this model does not support chat"}}, "400 Bad Request"),
        reply({"error": {"message": "The model does not support Chat"}}, "404 Not Found"),
    ],
    ids=["no route", "refused", "not with this model"],
)
def test_a_server_of_embeddings_is_asked_for_vectors(tmp_path: Path, refusal: Script) -> None:
    embed = embed_server()

    def choose(asked: Answered) -> Script:
        return refusal if asked.path.endswith("/chat/completions") else embed(asked)

    with serving(choose) as server:
        code, checks = examine(tmp_path, "--backend", "cpu", "--llm-url", server.url)

    assert (code, checks["llm server"]["state"]) == (0, "ok")
    assert "answers with vectors of scripted-embedder" in checks["llm server"]["found"]
    assert "it doesn't serve chat (" in checks["llm server"]["found"]


def test_a_server_of_neither_api_is_told_with_its_answer_to_chat(tmp_path: Path) -> None:
    refusal = reply({"error": {"message": "this server is closed"}}, "400 Bad Request")
    replies: dict[str, Reply] = {
        "/v1/models": models("m"),
        "/v1/chat/completions": refusal,
        "/v1/embeddings": reply({"detail": "Not Found"}, "404 Not Found"),
    }
    with serving(routes(replies)) as server:
        code, checks = examine(tmp_path, "--backend", "cpu", "--llm-url", server.url)

    assert (code, checks["llm server"]["state"]) == (3, "fail")
    assert "this server is closed" in checks["llm server"]["found"]


@pytest.mark.parametrize(
    ("replies", "model", "cause"),
    [
        (
            {"/v1/models": reply("<html>", kind="text/html")},
            "tiny",
            "doesn't answer with OpenAI's API",
        ),
        ({"/v1/models": reply({"error": "no"}, "401 Unauthorized")}, "tiny", "rejects the key"),
        ({"/v1/models": models("large")}, "tiny", "has no model 'tiny'; it has: large"),
    ],
    ids=["another program", "wrong key", "not loaded"],
)
def test_the_cause_of_an_unusable_server_is_told(
    tmp_path: Path, replies: dict[str, Reply], model: str, cause: str
) -> None:
    with serving(routes(replies)) as server:
        code, checks = examine(
            tmp_path, "--llm-url", server.url, "--llm-model", model, LLM_API_KEY="wrong"
        )

    assert code == 3
    assert cause in checks["llm server"]["found"]
    assert checks["llm server"]["remedy"]


def test_a_url_that_is_none_is_a_mistake(tmp_path: Path) -> None:
    done = run_nobs("doctor", "--llm-url", "foo", cwd=tmp_path)

    assert done.returncode == 2
    assert "'foo' isn't a server's URL" in done.stderr
