"""Depths against a scripted server that counts tokens in its own way."""

import re
from pathlib import Path
from typing import Any

import pytest

from nobs.errors import HostApiError
from nobs.schema.server import ModelIdentity
from nobs.tasks.llms.bench import make_bench
from nobs.tasks.llms.depth import depth_reasons
from nobs.tasks.llms.report import DepthTable
from tests.fakes.llm_answers import MODEL, plain, stream, whole_server
from tests.fakes.llm_server import Answered, Choose, Script, ScriptedServer, serving
from tests.fakes.llm_work import depth_work, facts_of

TEMPLATE = 24


def counting(chars_per_token: float, context: int = 10**6, *, cuts: bool = False) -> Choose:
    """Return a server that counts a token per so many characters; it refuses or cuts long ones."""

    def answer(asked: Answered) -> Script:
        text = "".join(message["content"] for message in asked.values["messages"])
        tokens = TEMPLATE + round(len(text) / chars_per_token)
        if cuts:
            tokens = min(tokens, context)
        if tokens > context:
            return plain({"error": {"message": f"{tokens} tokens are too many"}}, "400 Bad Request")
        return stream(8, prompt=tokens)

    return whole_server(answer)


def measure(server: ScriptedServer, directory: Path, **more: Any) -> DepthTable:
    facts = facts_of(make_bench(depth_work(server.url, directory, **more)))
    return DepthTable.model_validate(facts["depth"])


@pytest.mark.parametrize("chars_per_token", [1.7, 4.3, 9.0])
def test_prompts_have_the_tokens_by_the_servers_own_count(
    chars_per_token: float, tmp_path: Path
) -> None:
    with serving(counting(chars_per_token)) as server:
        table = measure(server, tmp_path)
        chats = [asked for asked in server.log if asked.body]

    empty, *cells = [cell.input_tokens or 0 for cell in table.cells]
    assert [tokens - empty for tokens in cells] == pytest.approx([100, 1000, 3000], rel=0.01)
    assert list(depth_reasons(table)) == []
    # The empty prompt, at most 2 probes for the first depth and the check, then 1; 3 repeats.
    assert len(chats) <= 1 + 3 + 2 + 2 + 3 * 4


def test_no_prompt_is_sent_twice(tmp_path: Path) -> None:
    with serving(counting(4.0)) as server:
        measure(server, tmp_path)
        texts = [str(asked.values["messages"]) for asked in server.log if asked.body]

    assert len({*texts}) == len(texts)


def test_a_depth_over_the_servers_context_is_left_out_with_the_reason(tmp_path: Path) -> None:
    with serving(counting(4.0)) as server:
        table = measure(server, tmp_path, identity=ModelIdentity(id=MODEL, context_length=2048))

    assert [bool(cell.skipped) for cell in table.cells] == [False, False, False, True]
    assert "tokens, the server's context has 2,048" in table.cells[3].skipped


def test_a_depth_that_the_server_refuses_is_left_out_with_its_message(tmp_path: Path) -> None:
    with serving(counting(4.0, context=2000)) as server:
        table = measure(server, tmp_path)

    assert [bool(cell.skipped) for cell in table.cells] == [False, False, False, True]
    assert "refused by the server: HTTP 400 Bad Request" in table.cells[3].skipped
    assert "tokens are too many" in table.cells[3].skipped


def test_a_depth_to_which_the_server_cuts_prompts_is_left_out(tmp_path: Path) -> None:
    with serving(counting(4.0, context=2000, cuts=True)) as server:
        table = measure(server, tmp_path)
        longest = max(len(asked.body) for asked in server.log)

    assert [bool(cell.skipped) for cell in table.cells] == [False, False, False, True]
    assert re.fullmatch(
        r"the server counts 1,9\d\d tokens however long a prompt is", table.cells[3].skipped
    )
    # Not lengthened again and again.
    assert longest < 3 * 3000 * 4.3


def test_the_time_of_a_pass_leaves_out_the_deepest_prompts(tmp_path: Path) -> None:
    with serving(counting(4.0)) as server:
        table = measure(server, tmp_path, pass_budget_s=1e-6)

    assert [bool(cell.skipped) for cell in table.cells] == [False, True, True, True]
    assert "a pass would take about" in table.cells[1].skipped


def test_a_server_that_counts_no_prompts_is_refused(tmp_path: Path) -> None:
    with (
        serving(whole_server(stream(8, counted=False))) as server,
        pytest.raises(HostApiError, match="it doesn't count the tokens of prompts"),
    ):
        measure(server, tmp_path)
