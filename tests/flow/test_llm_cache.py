"""A conversation against a scripted server with a prompt cache."""

from pathlib import Path
from typing import Any

import pytest

from nobs.errors import HostApiError
from nobs.schema.server import ModelIdentity, RequestShape
from nobs.tasks.llms.bench import make_bench
from nobs.tasks.llms.definition import DEFINITION
from nobs.tasks.llms.report import CacheTable, LlmModelReport
from tests.fakes.caching_server import PromptCache
from tests.fakes.llm_answers import MODEL, plain, whole_server
from tests.fakes.llm_results import report_of
from tests.fakes.llm_server import ScriptedServer, serving
from tests.fakes.llm_work import cache_work, facts_of

TURNS = 4


def measure(server: ScriptedServer, directory: Path, **more: Any) -> LlmModelReport:
    facts = facts_of(make_bench(cache_work(server.url, directory, **more)), repeats=2)
    report = report_of(facts.pop("runs"), **facts)
    assert isinstance(report, LlmModelReport)
    return report


def table_of(report: LlmModelReport) -> CacheTable:
    assert report.cache is not None
    return report.cache


def open_reasons(report: LlmModelReport) -> list[str]:
    return list(DEFINITION.find_open_reasons(report, cache_work("http://x/v1").workload))


@pytest.mark.alone
def test_each_turn_finds_the_one_before_it_in_the_cache(tmp_path: Path) -> None:
    with serving(whole_server(PromptCache())) as server:
        report = measure(server, tmp_path)
    table = table_of(report)
    first, *later, other = table.turns

    assert [turn.turn for turn in table.turns] == [1, 2, 3, 4, 0]
    assert (first.cached_tokens or 0) < 40
    for before, turn in zip(table.turns, later, strict=False):
        assert turn.cached_tokens == pytest.approx(before.input_tokens, abs=1)
        assert (turn.uncached_cached_tokens or 0) < 40
    # Both conversations have the nonce and the system prompt in common.
    assert other.cached_tokens == pytest.approx(24 + 2000 / 4, abs=10)
    assert table.evidence == "tokens"
    assert open_reasons(report) == []
    assert not any("prompt cache" in warning for warning in report.warnings)
    workload = cache_work("http://x/v1").workload
    assert not [each for each in DEFINITION.find_contradictions(report, workload) if "turn" in each]


def test_the_uncached_prompts_are_the_same_texts_after_another_nonce(tmp_path: Path) -> None:
    with serving(whole_server(PromptCache())) as server:
        measure(server, tmp_path)
        chats = [asked.values["messages"] for asked in server.log if asked.body][1:]
    one_pass = chats[: 2 * TURNS + 1]
    conversation, uncached = one_pass[: TURNS + 1], one_pass[TURNS + 1 :]
    nonces = [chat[0]["content"].partition("\n\n")[0] for chat in one_pass]

    assert len({*nonces[: TURNS + 1]}) == 1
    assert len({*nonces}) == 1 + TURNS
    assert [chat[1:] for chat in conversation[1:]] == [chat[1:] for chat in uncached]
    assert [len(chat) for chat in conversation] == [2, 4, 6, 8, 2]
    assert [each["role"] for each in conversation[1]] == ["system", "user", "assistant", "user"]
    # Both passes have the same texts.
    assert [chat[1:] for chat in chats[2 * TURNS + 1 :]] == [chat[1:] for chat in one_pass]


def test_a_server_without_a_cache_is_named(tmp_path: Path) -> None:
    with serving(whole_server(PromptCache(serves=False))) as server:
        report = measure(server, tmp_path, turns=2)

    assert table_of(report).evidence in ("", "times")
    assert table_of(report).turns[1].cached_tokens in (None, 0)


def test_a_cache_that_ignores_the_nonce_makes_the_result_open(tmp_path: Path) -> None:
    with serving(whole_server(PromptCache(ignores_nonce=True))) as server:
        report = measure(server, tmp_path)

    assert "were cached although a new nonce came first" in open_reasons(report)[0]


def test_prompts_that_the_server_cuts_make_the_result_open(tmp_path: Path) -> None:
    with serving(whole_server(PromptCache(context=800))) as server:
        report = measure(server, tmp_path)

    assert "conversation: turn 4 has no more tokens than turn 3" in open_reasons(report)


def test_a_server_without_a_system_role_gets_the_nonce_in_the_first_text(tmp_path: Path) -> None:
    with serving(whole_server(PromptCache())) as server:
        bench = make_bench(cache_work(server.url, tmp_path, shape=RequestShape(nonce_role="user")))
        try:
            bench.load()
            bench.warm_up()
        finally:
            bench.close()
        (chat,) = [asked.values["messages"] for asked in server.log if asked.body]

    assert [each["role"] for each in chat] == ["user", "assistant"] * (TURNS - 1) + ["user"]
    assert chat[0]["content"].startswith("Request ")


@pytest.mark.parametrize(("runtime", "extra"), [("llama.cpp", True), ("vllm", None)])
def test_only_llamacpp_is_asked_to_cache(runtime: str, extra: bool | None, tmp_path: Path) -> None:
    identity = ModelIdentity(id=MODEL, runtime=runtime)
    with serving(whole_server(PromptCache())) as server:
        measure(server, tmp_path, turns=2, identity=identity)
        asked = [each.values.get("cache_prompt") for each in server.log if each.body]

    assert {*asked} == {extra}


def test_a_conversation_that_is_too_long_fails_with_the_servers_message(tmp_path: Path) -> None:
    refusal = plain({"error": {"message": "5000 tokens exceed the context of 4096"}}, "400 Bad")
    with (
        serving(whole_server(refusal)) as server,
        pytest.raises(HostApiError, match="exceed the context of 4096"),
    ):
        measure(server, tmp_path)
