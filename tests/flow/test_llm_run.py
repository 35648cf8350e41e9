"""`nobs run` with an LLM: a scripted server, an absent one, and the standard prompts of a hub."""

import csv
import gzip
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nobs.catalog import load_catalog
from nobs.report.validation import Ruling, validate_document
from nobs.schema.server import RequestShape
from tests.fakes.command import run_nobs
from tests.fakes.honest_reports import sealed
from tests.fakes.hub import fake_hub
from tests.fakes.llm_answers import (
    LAST_CHUNK,
    MODEL,
    after,
    is_check,
    right_answer,
    stream,
    whole_server,
)
from tests.fakes.llm_routes import models, reply, routes
from tests.fakes.llm_server import Script, ScriptedServer, Send, Then, serving
from tests.fakes.llm_streams import chunked, delta, event, head, usage
from tests.fakes.loader import hub_environment
from tests.fakes.queueing import queue_answers

pytestmark = pytest.mark.long

CATALOG = load_catalog()
NOBODY = "http://127.0.0.1:9"
QUICK = ("--profile", "quick", "--task", "llms")
BOTH = ("--profile", "quick", "--task", "embeddings,llms")


def nobs_run(
    tmp_path: Path, *options: str, hub: str = NOBODY, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run natively on the CPU with results and cache below `tmp_path`."""
    return run_nobs(
        "run", "--execution", "native", "--backend", "cpu", "--repeats", "3",
        "--results", str(tmp_path / "results"), *options,
        env=hub_environment(hub, tmp_path / "hf") | variables, timeout_s=500,
    )  # fmt: skip


def at(server: ScriptedServer, model: str = MODEL) -> tuple[str, ...]:
    return ("--llm-url", server.url, "--llm-model", model)


def model_of(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """Return what the printed report says of the one model of the last task."""
    (model,) = json.loads(done.stdout)["tasks"][-1]["models"].values()
    found: dict[str, Any] = model
    return found


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Any, ScriptedServer]]:
    """A run of the quick prompts against a scripted server, which wants a key."""
    tmp_path = tmp_path_factory.mktemp("told")
    with serving(whole_server(stream(tokens=20, ttft_s=0.05, gap_s=0.005))) as server:
        done = nobs_run(tmp_path, *QUICK, *at(server), "--json", LLM_API_KEY="s3cret-key")
        yield tmp_path, done, server


def test_figures_are_those_that_the_server_made(told: tuple[Path, Any, ScriptedServer]) -> None:
    _, done, _ = told
    model = model_of(done)

    assert done.returncode == 0, done.stderr
    assert 0.05 <= model["final_median_ttft_s"] < 0.5
    assert 0.145 <= model["final_median_latency_s"] < 1.0
    assert model["all_runs"][0]["total_output_tokens"] == 60
    assert (model["requests"], model["failures"]) == (9, {})
    assert model["token_count_sources"] == {"usage": 9}
    task = json.loads(done.stdout)["tasks"][0]
    assert task["task_score"] == pytest.approx(3 * 3600 / model["final_median_latency_s"])


def test_the_report_is_valid(told: tuple[Path, Any, ScriptedServer]) -> None:
    found = validate_document(json.loads(told[1].stdout))

    assert found.faults == ()
    assert found.ruling is Ruling.OPEN


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"finish_reason": "abort"}, "it has times, but ended with finish_reason abort"),
        (
            {"model": "gemma-3-1b-it-qat"},
            "'gemma-3-1b-it-qat' answered, but 'scripted' was requested",
        ),
        ({"streamed_tokens": 5}, "20 chunks with text were received, but only 5 tokens"),
        ({"reasoning_tokens": 160}, "160 reasoning tokens are more than all 20 output tokens"),
        ({"tokens_per_sec": 1026.0}, "tokens_per_sec isn't its tokens over generation_time_s"),
    ],
)
def test_a_report_whose_answers_contradict_it_is_refused(
    told: tuple[Path, Any, ScriptedServer], change: dict[str, Any], fault: str
) -> None:
    document = json.loads(told[1].stdout)
    (model,) = document["tasks"][0]["models"].values()
    model["all_runs"][1]["prompts"][0] |= change
    found = validate_document(sealed(document))

    assert found.ruling is Ruling.INVALID
    assert any(f"repeat 2: prompt 1: {fault}" in each for each in found.faults), found.faults


def test_values_that_are_no_numbers_cost_neither_run_nor_report(tmp_path: Path) -> None:
    """NaN and Infinity as Python servers write them, and halves of an emoji as JavaScript's do."""
    texts = ["tok "] * 10 + ["\ud83d", "\ude00"] + ["tok "] * 8
    last = delta(finish="stop") | {
        "usage": usage(20),
        "timings": {"predicted_per_second": float("inf"), "prompt_per_second": float("nan")},
    }
    steps = [
        Send(n * 0.005, chunked(event(delta(content=text))), 1) for n, text in enumerate(texts)
    ]
    ending = Send(0.1, chunked(event(last), event("[DONE]")) + LAST_CHUNK)
    script = Script(steps=[Send(0, head("Transfer-Encoding: chunked")), *steps, ending])
    with serving(whole_server(script)) as server:
        done = nobs_run(tmp_path, *BOTH, *at(server), "--rows", "3", "--json")

    assert done.returncode == 0, done.stderr
    model = model_of(done)
    assert model["failures"] == {}
    assert any("timings.predicted_per_second" in warning for warning in model["warnings"])
    (file,) = (tmp_path / "results").rglob("requests.jsonl.gz")
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        assert "\U0001f600" in json.loads(lines.readline())["text"]


def test_the_clients_own_error_is_told(told: tuple[Path, Any, ScriptedServer]) -> None:
    error = model_of(told[1])["client_accuracy"]

    assert (error["requests"], error["tokens"]) == (1, 100)
    assert abs(error["ttft_error_s"]) < 0.5


def test_a_server_on_this_machine_is_local_and_named(
    told: tuple[Path, Any, ScriptedServer],
) -> None:
    _, done, server = told

    assert model_of(done)["server"] | {"identity": None} == {
        "provider": "openai", "base_url": server.url, "socket": None, "model": MODEL,
        "locality": "local", "locality_reason": None, "setup": False,
        "request_timeout_s": 300.0, "identity": None,
        "request": RequestShape().model_dump(),
    }  # fmt: skip


def test_the_key_is_sent_and_never_written(told: tuple[Path, Any, ScriptedServer]) -> None:
    tmp_path, done, server = told
    files = [path for path in (tmp_path / "results").rglob("*") if path.is_file()]

    assert {a.headers.get("authorization") for a in server.log} == {"Bearer s3cret-key"}
    assert "s3cret" not in done.stdout + done.stderr
    assert not [path for path in files if b"s3cret" in path.read_bytes()]


def test_no_torch_is_needed_and_progress_speaks_of_tokens(
    told: tuple[Path, Any, ScriptedServer],
) -> None:
    tmp_path, done, _ = told
    (result,) = (tmp_path / "results").rglob("result.json")
    step = json.loads(result.read_text(encoding="utf-8"))

    assert "tokens/s" in done.stderr
    assert "torch" not in step["environment"]
    assert step["checks"] == []


def test_an_absent_server_ends_a_run_of_llms_alone_and_leaves_nothing(tmp_path: Path) -> None:
    done = nobs_run(tmp_path, *QUICK, "--llm-url", f"{NOBODY}/v1", "--request-timeout", "2")

    assert done.returncode == 4, done.stderr
    assert "127.0.0.1:9" in done.stderr
    assert list((tmp_path / "results" / "runs").iterdir()) == []


def test_an_absent_server_leaves_the_results_of_other_tasks(tmp_path: Path) -> None:
    done = nobs_run(
        tmp_path, *BOTH, "--rows", "2", "--llm-url", f"{NOBODY}/v1",
        "--request-timeout", "2", "--json",
    )  # fmt: skip
    embeddings, llms = json.loads(done.stdout)["tasks"]
    (failed,) = llms["models"].values()

    assert done.returncode == 4
    assert [model["status"] for model in embeddings["models"].values()] == ["ok"]
    assert (failed["status"], failed["failure"]["failure_class"]) == ("failed", "host-api")
    assert list((tmp_path / "results").glob("report_*.json"))


@pytest.mark.parametrize("then", [Then.HANG, Then.RESET])
def test_a_server_that_goes_wrong_in_the_middle_ends_the_run(tmp_path: Path, then: Then) -> None:
    answer = after(5, Script(steps=[], then=then))
    with serving(whole_server(answer)) as server:
        done = nobs_run(tmp_path, *QUICK, *at(server), "--request-timeout", "3", "--json")

    assert done.returncode == 4
    assert "2 of 7 requests" in model_of(done)["failure"]["message"]


def test_the_standard_prompts_come_from_the_hub(tmp_path: Path) -> None:
    pin = CATALOG.datasets["fka/awesome-chatgpt-prompts"]
    directory = tmp_path / "hub" / "datasets" / pin.id / str(pin.revision)
    directory.mkdir(parents=True)
    (tmp_path / "hub" / "models").mkdir()
    with (directory / str(pin.file)).open("w", encoding="utf-8", newline="") as file:
        rows = [{"act": f"act {n}", "prompt": f'Prompt {n}, "quoted"\nand more'} for n in range(5)]
        writer = csv.DictWriter(file, ["act", "prompt"])
        writer.writeheader()
        writer.writerows(rows)
    with fake_hub(tmp_path / "hub") as hub, serving(whole_server()) as server:
        words = ("--task", "llms", *at(server), "--json")
        done = nobs_run(tmp_path, *words, hub=hub.url)
    task = json.loads(done.stdout)["tasks"][0]
    chats = [chat for chat in server.log if chat.body and not is_check(chat)]
    asked = [chat.values for chat in chats if right_answer(chat) is None]

    assert done.returncode == 0, done.stderr
    assert task["workload"]["name"] == "llms/2"
    assert task["workload"]["open_reasons"] == [f"models: {MODEL} instead of gpt-oss-20b"]
    assert [values["messages"][1]["content"] for values in asked[1:4]] == [
        row["prompt"] for row in rows[:3]
    ]
    assert {values["max_tokens"] for values in asked} == {2048}


def test_a_dry_run_names_the_server_and_asks_it_nothing(tmp_path: Path) -> None:
    with serving(whole_server()) as server:
        done = nobs_run(tmp_path, *QUICK, *at(server), "--dry-run")

    assert f"server     at {server.url}, model {MODEL}" in done.stdout
    assert server.log == []
    assert not (tmp_path / "results").exists()


def test_levels_of_load_stand_below_the_figures_and_make_the_result_open(tmp_path: Path) -> None:
    with serving(whole_server(stream(tokens=5, gap_s=0.001))) as server:
        done = nobs_run(tmp_path, *QUICK, *at(server), "--concurrency", "1,2", "--rate", "50")

    assert done.returncode == 0, done.stderr
    for level in ("1 at once", "2 at once", "50 requests/s"):
        assert f"load, {level}: " in done.stderr
    lines = [line.strip() for line in done.stdout.splitlines()]
    # Remarks, such as that the client was late, have no columns.
    rows = [line.split("  ") for line in lines if "  " in line]
    heads = [row[0] for row in rows if row[0].startswith(("load", "1 at", "2 at", "50 r"))]
    assert heads == ["load", "1 at once", "2 at once", "50 req/s"]
    assert "arrivals: poisson, seed 1" in lines
    assert "params.load" in done.stdout


@pytest.mark.alone
def test_the_highest_load_with_a_promise_is_found_and_valid(tmp_path: Path) -> None:
    # Two at once wait for 80 ms and three for 120 ms, 20 ms on either side of the promise.
    with serving(whole_server(queue_answers(service_s=0.04))) as server:
        done = nobs_run(tmp_path, *QUICK, *at(server), "--slo", "latency=100ms")
    (file,) = (tmp_path / "results").glob("report_*.json")
    found = validate_document(json.loads(file.read_text()))
    lines = [line.strip() for line in done.stdout.splitlines()]

    assert done.returncode == 0, done.stderr
    assert "SLO: 95 % of requests: latency up to 100 ms" in lines
    (bound,) = [line for line in lines if line.startswith("SLO holds at concurrency ")]
    # On a busy machine even two may not keep it.
    assert re.fullmatch(r".*, fails at concurrency [23] \(95 % confidence\)", bound)
    assert (found.ruling, found.faults) == (Ruling.OPEN, ())


def test_a_key_that_the_server_quotes_is_found_nowhere(tmp_path: Path) -> None:
    key = "s3cret-key"
    said = reply({"error": {"message": f"Incorrect API key provided: {key}"}}, "401 Unauthorized")
    with serving(routes({"/v1/models": models(MODEL), "/v1/chat/completions": said})) as server:
        words = (*QUICK, "--rows", "2", *at(server), "--json")
        done = nobs_run(tmp_path, *words, LLM_API_KEY=key)
        both = nobs_run(tmp_path, *BOTH, *words[4:], LLM_API_KEY=key)
    files = [path for path in (tmp_path / "results").rglob("*") if path.is_file()]

    assert (done.returncode, both.returncode) == (4, 4)
    assert "Incorrect API key provided: ***" in done.stderr
    assert files
    assert key not in done.stdout + done.stderr + both.stdout + both.stderr
    assert not [path for path in files if key.encode() in path.read_bytes()]
