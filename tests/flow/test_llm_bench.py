"""The work of `llms` against a scripted server that knows what it sent."""

import gzip
import itertools
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nobs.errors import HostApiError
from nobs.tasks.chat.bench import ChatBench
from nobs.tasks.chat.stamps import FILE
from nobs.tasks.llms.answers import find_suspicions
from nobs.tasks.llms.bench import make_bench
from nobs.tasks.llms.report import AnswerCheck
from tests.fakes.llm_answers import MODEL, after, garbage, plain, stream, whole_server
from tests.fakes.llm_server import Choose, Script, ScriptedServer, Send, Then, serving
from tests.fakes.llm_streams import head
from tests.fakes.llm_work import PROMPTS, WAIT_S, checked_work, facts_of, work

HANGS_S = 2.0
"""How long a server that hangs is waited for."""


def measure(
    url: str, directory: Path, repeats: int = 3, wait_s: float = WAIT_S, **params: Any
) -> dict[str, Any]:
    """Do what a step does and return the facts."""
    return facts_of(ChatBench(work(url, directory, wait_s, **params)), repeats)


def fail(answer: Script | Choose, directory: Path, wait_s: float = WAIT_S) -> HostApiError:
    """Return the error of a run, which must come in bounded time."""
    start = time.monotonic()
    with serving(whole_server(answer)) as server, pytest.raises(HostApiError) as caught:
        measure(server.url, directory, wait_s=wait_s)
    assert time.monotonic() - start < 6 * wait_s + 30
    return caught.value


def prompts_of(server: ScriptedServer) -> list[tuple[str, str]]:
    """Return the system and the user message of every chat."""
    chats = (asked.values["messages"] for asked in server.log if asked.path.endswith("completions"))
    return [(system["content"], user["content"]) for system, user in chats]


def test_every_prompt_is_asked_in_every_repeat_after_the_warm_up(tmp_path: Path) -> None:
    with serving(whole_server()) as server:
        facts = measure(server.url, tmp_path)

    assert [user for _, user in prompts_of(server)] == ["one", *PROMPTS * 3]
    assert [[request["prompt"] for request in run] for run in facts["runs"]] == [[1, 2, 3]] * 3
    assert {request["output_tokens"] for run in facts["runs"] for request in run} == {8}


def test_the_template_is_measured_if_input_was_cached(tmp_path: Path) -> None:
    with serving(whole_server(stream(cached=7))) as server:
        facts = measure(server.url, tmp_path)

    assert [user for _, user in prompts_of(server)] == ["one", *PROMPTS * 3, "."]
    assert facts["template_tokens"] == 7


def test_no_prefix_is_used_twice(tmp_path: Path) -> None:
    with serving(whole_server()) as server:
        measure(server.url, tmp_path)
    prefixes = [system for system, _ in prompts_of(server)]

    assert len(set(prefixes)) == len(prefixes) == 10


def test_requests_hold_what_the_workload_pins(tmp_path: Path) -> None:
    with serving(whole_server()) as server:
        measure(server.url, tmp_path)
    asked = server.log[0].values

    assert (asked["model"], asked["max_tokens"], asked["temperature"]) == (MODEL, 16, 0)
    assert asked["stream_options"] == {"include_usage": True}


def test_one_connection_serves_all_requests(tmp_path: Path) -> None:
    with serving(whole_server()) as server:
        measure(server.url, tmp_path)

    assert {asked.connection for asked in server.log} == {1}


def test_raw_stamps_lie_beside_the_result(tmp_path: Path) -> None:
    with serving(whole_server(stream(tokens=5))) as server:
        measure(server.url, tmp_path)
    with gzip.open(tmp_path / FILE, "rt", encoding="utf-8") as file:
        lines = [json.loads(line) for line in file]

    assert [line["repeat"] for line in lines] == [0, *([1] * 3), *([2] * 3), *([3] * 3)]
    assert {len(line["stamps"]["token_ns"]) for line in lines} == {5}
    assert len({line["prefix"] for line in lines}) == 10


@pytest.mark.long
@pytest.mark.alone  # chunks of a busy machine arrive in bursts, which have no gaps
def test_a_stall_shows_in_the_pooled_gaps(tmp_path: Path) -> None:
    stall = stream(tokens=40, gap_s=0.01)
    steps = list(stall.steps)
    late = [*steps[:30], *(Send(s.at_s + 0.2, s.data, s.tokens) for s in steps[30:])]
    with serving(whole_server(Script(steps=late))) as server:
        gaps = measure(server.url, tmp_path, repeats=1)["chunk_gaps"]

    assert gaps["max_s"] > 0.19
    assert gaps["median_s"] < 0.1


def test_one_failure_among_many_is_counted_and_has_no_latency(tmp_path: Path) -> None:
    answers = iter([*[stream()] * 5, plain({"error": {"message": "oops"}}, "500 Oops")])
    with serving(whole_server(lambda _: next(answers, stream()))) as server:
        facts = measure(server.url, tmp_path, repeats=4)
    requests = [request for run in facts["runs"] for request in run]
    failed = [request for request in requests if request["failure"]]

    assert len(requests) == 12
    assert [(r["failure"], r["total_latency_s"]) for r in failed] == [("http-status", None)]


@pytest.mark.parametrize("reason", ["abort", "error", "content_filter"])
def test_answers_that_the_server_broke_off_fail_the_step(tmp_path: Path, reason: str) -> None:
    """A server that gives up politely after six tokens isn't fast."""
    answers = itertools.cycle([stream(tokens=40), stream(tokens=6, finish=reason)])
    error = fail(lambda _: next(answers), tmp_path)

    assert f"the answer ended with finish_reason '{reason}' after 6 chunks of text" in error.message


@pytest.mark.parametrize("tokens", [6, 30])
def test_an_answer_without_the_reason_that_others_have_is_a_failure(
    tokens: int, tmp_path: Path
) -> None:
    """An engine that dies may leave nothing but `[DONE]` behind."""
    answers = itertools.cycle([stream(tokens=40), stream(tokens=tokens, finish=None)])

    assert "without a finish_reason" in fail(lambda _: next(answers), tmp_path).message


def test_a_server_that_counts_single_tokens_is_measured(tmp_path: Path) -> None:
    """Some send the usage of each chunk, and no sum."""
    with serving(whole_server(stream(tokens=20, count=1))) as server:
        facts = measure(server.url, tmp_path)

    requests = [request for run in facts["runs"] for request in run]
    assert {request["failure"] for request in requests} == {None}
    assert all(request["count_conflict"] for request in requests)


def test_another_model_in_the_answers_fails_the_step_with_both_names(tmp_path: Path) -> None:
    error = fail(stream(model="gemma-3-1b-it-qat"), tmp_path)

    assert "'gemma-3-1b-it-qat'" in error.message
    assert f"'{MODEL}'" in error.message
    assert "--llm-model gemma-3-1b-it-qat" in error.remedy


def test_a_model_that_changes_between_requests_fails_the_step(tmp_path: Path) -> None:
    answers = iter([*[stream(model=MODEL)] * 5, stream(model="tiny-1b")])

    assert "'tiny-1b'" in fail(lambda _: next(answers, stream()), tmp_path).message


def test_too_short_answers_are_failures(tmp_path: Path) -> None:
    error = fail(stream(tokens=1), tmp_path)

    assert "the answer has 1 tokens, but at least 2" in error.message


BAD_STREAM = head("Transfer-Encoding: chunked")
BIG = b"data: " + b"x" * 10_000_000 + b"\n\n"
BAD_ANSWERS: dict[str, tuple[Script, str, str]] = {
    "wrong key": (
        plain({"error": {"message": "bad key"}}, "401 Unauthorized"), "bad key", "LLM_API_KEY"),
    "unknown model": (
        plain({"error": {"message": "no such model"}}, "404 Not Found"), "no such model",
        "--llm-model"),
    "context exceeded": (
        plain({"error": {"message": "context of 4096 exceeded"}}, "400 Bad Request"),
        "context of 4096", "--max-output-tokens"),
    "wrong port": (plain({"hello": "world"}), "application/json", "--llm-url"),
    "hanging": (Script(steps=[], then=Then.HANG), "no response within", "--request-timeout"),
    "html": (
        Script(steps=[Send(0, head("Content-Length: 13", kind="text/html") + b"<html></html>")]),
        "text/html", "--llm-url"),
    "invalid utf-8": (
        Script(steps=[Send(0, head("Connection: close") + b"data: \xff\xfe\n\n")],
               then=Then.CLOSE), "malformed", "--llm-url"),
    "10 MB event": (
        Script(steps=[Send(0, head("Connection: close") + BIG)], then=Then.CLOSE),
        "event", "--llm-url"),
    "cut": (
        Script(steps=[Send(0, head("Content-Length: 999") + b"data: {}\n\n")], then=Then.RESET),
        "closed", "log"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_ANSWERS)
def test_bad_answers_end_the_step_with_their_reason(name: str, tmp_path: Path) -> None:
    answer, said, remedy = BAD_ANSWERS[name]
    error = fail(answer, tmp_path, HANGS_S if name == "hanging" else WAIT_S)

    assert said in error.message
    assert remedy in error.remedy
    assert error.exit_code == 4


@pytest.mark.parametrize(
    "name", [pytest.param("hanging", marks=pytest.mark.long), "cut", "context exceeded"]
)
def test_a_server_that_goes_wrong_in_the_middle_ends_the_run(name: str, tmp_path: Path) -> None:
    answer, said, _ = BAD_ANSWERS[name]
    error = fail(after(5, answer), tmp_path, HANGS_S if name == "hanging" else WAIT_S)

    assert "2 of 7 requests" in error.message
    assert said in error.message
    assert (tmp_path / FILE).exists()


def test_an_absent_server_is_named(tmp_path: Path) -> None:
    with serving(whole_server()) as server:
        url = server.url
    with pytest.raises(HostApiError) as caught:
        measure(url, tmp_path)

    assert url.split("/")[2] in caught.value.message


def test_a_server_that_dies_in_the_middle_ends_the_run(tmp_path: Path) -> None:
    with serving(whole_server()) as server:
        bench = ChatBench(work(server.url, tmp_path))
        bench.load()
        bench.run()
    with pytest.raises(HostApiError, match="connect") as caught:
        bench.run()
    bench.close()

    assert "2 of 5 requests" in caught.value.message


def endless_steps() -> Iterator[Send]:
    first, token, *_ = stream(tokens=2).steps
    yield first
    yield from (replace(token, at_s=0.05 * number) for number in itertools.count())


@pytest.mark.long
def test_an_infinite_stream_ends_at_the_deadline(tmp_path: Path) -> None:
    error = fail(lambda _: Script(steps=endless_steps()), tmp_path, HANGS_S)

    assert "took longer than the time limit" in error.message


@pytest.mark.parametrize("seed", range(20))
def test_garbage_is_found_by_questions_before_and_after(seed: int, tmp_path: Path) -> None:
    with serving(garbage(seed)) as server:
        facts = facts_of(make_bench(checked_work(server.url, tmp_path)))
        asked = [chat.values["messages"] for chat in server.log]

    check = AnswerCheck.model_validate(facts["answers"])
    assert list(find_suspicions(check))
    assert [len(each.answers) for each in check.rounds] == [20, 20]
    # The warm-up, 20 questions, 3 repeats of 3 prompts, 20 questions.
    assert [len(messages) for messages in asked] == [2, *[1] * 20, *[2] * 9, *[1] * 20]


def test_right_answers_of_a_checked_workload_are_counted(tmp_path: Path) -> None:
    with serving(whole_server(stream(text="A good text. "))) as server:
        facts = facts_of(make_bench(checked_work(server.url, tmp_path)))

    check = AnswerCheck.model_validate(facts["answers"])
    assert [each.right for each in check.rounds] == [20, 20]
    assert (check.share, check.timed) == (1, 9)
    assert [len(run) for run in facts["runs"]] == [3, 3, 3]
