"""`nobs run` on servers that take less than the usual request, or more time for the first one."""

import json
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from nobs.providers.readiness import PROMPT
from nobs.providers.refusals import Part
from nobs.report.validation import Ruling, validate_document
from tests.fakes.command import run_nobs, start_nobs
from tests.fakes.honest_reports import sealed
from tests.fakes.llm_answers import MODEL, right_answer, stream, whole_server
from tests.fakes.llm_refusals import of_fastapi, refusing
from tests.fakes.llm_routes import one_model
from tests.fakes.llm_server import Answered, Script, ScriptedServer, Then, serving
from tests.fakes.loader import hub_environment
from tests.fakes.waiting import wait_for

ALL = frozenset({Part.SYSTEM_ROLE, Part.STREAM_OPTIONS, Part.TEMPERATURE, Part.LIMIT})


def command(server: ScriptedServer, tmp_path: Path) -> tuple[tuple[str, ...], dict[str, str]]:
    """Return the words and the environment of the quick prompts against `server` without a key."""
    environment = hub_environment("http://127.0.0.1:9", tmp_path / "hf")
    environment.pop("LLM_API_KEY", None)
    words = (
        "run", "--execution", "native", "--backend", "cpu", "--profile", "quick", "--task", "llms",
        "--repeats", "3", "--results", str(tmp_path / "results"), "--llm-url", server.url,
        "--llm-model", MODEL, "--json",
    )  # fmt: skip
    return words, environment


def run(server: ScriptedServer, tmp_path: Path) -> dict[str, Any]:
    """Return the report of a run that ends well."""
    words, env = command(server, tmp_path)
    done = run_nobs(*words, cwd=tmp_path, env=env)
    assert done.returncode == 0, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def timed_chats(server: ScriptedServer) -> list[Answered]:
    chats = [asked for asked in server.log if asked.path.endswith("/chat/completions")]
    asked = [chat for chat in chats if PROMPT not in chat.values["messages"][-1]["content"]]
    return [chat for chat in asked if right_answer(chat) is None]


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], list[Answered]]:
    """A model without a system role behind a gateway that refuses every optional field."""
    answer = stream(tokens=8, gap_s=0.001, counted=False)
    with serving(refusing(ALL, of_fastapi, answer)) as server:
        report = run(server, tmp_path_factory.mktemp("refused"))
        assert not [asked for asked in server.log if "authorization" in asked.headers]
        return report, timed_chats(server)


def test_timed_requests_have_nothing_that_is_refused(
    measured: tuple[dict[str, Any], list[Answered]],
) -> None:
    _, chats = measured
    contents = [chat.values["messages"][0]["content"] for chat in chats]

    assert len(chats) == 10
    assert {tuple(chat.values) for chat in chats} == {
        ("model", "messages", "max_completion_tokens", "stream")
    }
    assert {message["role"] for chat in chats for message in chat.values["messages"]} == {"user"}
    assert all(content.startswith("Request ") for content in contents)
    assert len(set(contents)) == len(contents)


def test_the_report_says_what_was_left_out_and_is_open_and_valid(
    measured: tuple[dict[str, Any], list[Answered]],
) -> None:
    report, _ = measured
    (task,) = report["tasks"]
    (model,) = task["models"].values()

    assert model["server"]["request"] == {
        "nonce_role": "user", "limit_field": "max_completion_tokens", "temperature": False,
        "stream_options": False,
    }  # fmt: skip
    assert task["workload"]["open_reasons"][1:] == [
        "request.nonce_role: user instead of system", "request.temperature: not sent",
    ]  # fmt: skip
    assert model["temperature"] is None
    assert model["token_count_sources"] == {"chunks": 9}
    found = validate_document(report)
    assert (found.ruling, found.faults) == (Ruling.OPEN, ())


def test_a_report_that_hides_it_is_invalid(
    measured: tuple[dict[str, Any], list[Answered]],
) -> None:
    report = json.loads(json.dumps(measured[0]))
    reasons = report["tasks"][0]["workload"]["open_reasons"]
    report["tasks"][0]["workload"]["open_reasons"] = reasons[:1]
    found = validate_document(sealed(report))

    assert found.ruling is Ruling.INVALID
    assert any("request.temperature: not sent" in fault for fault in found.faults)


@pytest.mark.long
def test_answers_beyond_the_limit_make_the_result_open(tmp_path: Path) -> None:
    with serving(whole_server(stream(tokens=80))) as server:
        (task,) = run(server, tmp_path)["tasks"]

    assert task["workload"]["open_reasons"][1:] == [
        "max_output_tokens: 9 of 9 answers have more than 64 tokens"
    ]


def has_asked(server: ScriptedServer) -> bool:
    return any(asked.path.endswith("completions") for asked in server.log)


def test_ctrl_c_ends_the_wait_for_a_first_load(tmp_path: Path) -> None:
    hanging = Script(steps=[], then=Then.HANG)
    with serving(one_model(MODEL, {"/v1/chat/completions": hanging})) as server:
        words, env = command(server, tmp_path)
        with start_nobs(
            *words, cwd=tmp_path, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as child:
            wait_for(lambda: has_asked(server) or child.poll() is not None)
            child.send_signal(signal.SIGINT)
            _, told = child.communicate(timeout=60)

    assert child.returncode == 130
    assert "Traceback" not in told
