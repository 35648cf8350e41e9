"""Served embeddings against a scripted server, and once against a real one."""

import json
from pathlib import Path
from typing import Any

import pytest

from nobs.errors import HostApiError
from nobs.providers import PROVIDERS
from nobs.schema.server import Api, Connection, ServerRequest
from nobs.tasks.served_embeddings.definition import DEFINITION
from nobs.tasks.served_embeddings.report import Base64Answer, ServedEmbeddingsReport
from tests.fakes.embed_server import (
    MODEL,
    Change,
    backwards,
    embed_server,
    fields,
    hashed_vector,
    random_vectors,
    refusing,
    slow,
    swapped,
    with_data,
)
from tests.fakes.embed_work import WAIT_S, embed_work, measure, reasons, run, suspicions
from tests.fakes.llm_routes import reply
from tests.fakes.llm_server import Script, serving
from tests.fakes.native_run import nobs_run

SEEDS = [0, 1, *(pytest.param(seed, marks=pytest.mark.long) for seed in range(2, 20))]


def flags(model: ServedEmbeddingsReport) -> list[str]:
    """Return the flags; the server is in this process, so that the client may look busy."""
    return [str(flag.name) for flag in DEFINITION.find_flags(model)]


def test_every_cell_has_rates_and_latencies_and_nothing_is_suspect() -> None:
    model = run()

    assert [(cell.inputs, cell.concurrency) for cell in model.cells] == [
        (1, 1), (4, 1), (1, 2), (4, 2),
    ]  # fmt: skip
    assert all(cell.rows_per_second and cell.p50_latency_s for cell in model.cells)
    assert all(cell.tokens_per_second for cell in model.cells)
    assert model.requests == 2 * (32 + 8 + 32 + 8)
    # One to connect, two of each size, then 16 texts alone, beginnings, and both encodings.
    assert model.answered_models == {MODEL: 1 + 4 + 160 + 16 + 1 + 2}
    assert reasons(model) == []
    assert "output-suspect" not in flags(model)
    assert model.check is not None
    assert model.check.base64 is Base64Answer.SAME
    assert (model.check.alone, model.check.related) == (16, 32)


def test_no_text_of_a_repeat_is_sent_twice_and_every_repeat_sends_the_same() -> None:
    with serving(embed_server()) as server:
        measure(embed_work(server.url))
        sent = [asked.values["input"] for asked in server.log if asked.body]
    texts = [text for each in sent for text in each]
    # One text to connect, two requests of each size, then the repeats.
    repeats = texts[1 + 2 * (1 + 4) :][: 2 * 128]

    assert len({*repeats[:128]}) == 128
    assert sorted(repeats[:128]) == sorted(repeats[128:])


@pytest.mark.long
@pytest.mark.alone
def test_requests_in_flight_are_as_many_as_the_cell_says() -> None:
    # Long answers: what a busy machine adds is little beside them.
    model = run(slow(0.1), inputs=(1,), concurrency=(1, 4), min_rows=12)
    one, four = model.all_runs[0].cells

    assert one.duration_s == pytest.approx(12 * 0.1, rel=0.5)
    assert four.duration_s < 0.6 * one.duration_s


def test_swapped_vectors_are_suspect_whatever_the_model() -> None:
    model = run(with_data(swapped))

    assert "to that of the same text sent alone" in suspicions(model)[0]
    assert reasons(model)
    assert "output-suspect" in flags(model)


@pytest.mark.parametrize("seed", SEEDS)
def test_random_vectors_are_suspect_in_every_run(seed: int) -> None:
    with serving(embed_server(random_vectors(seed))) as server:
        model = measure(embed_work(server.url, inputs=(4,), concurrency=(1,), min_rows=64), 1)

    assert suspicions(model)


@pytest.mark.parametrize("seed", SEEDS)
def test_random_vectors_that_repeat_for_a_text_are_suspect_in_every_run(seed: int) -> None:
    with serving(embed_server(lambda text: hashed_vector(f"{seed} {text}"))) as server:
        model = measure(embed_work(server.url, inputs=(4,), concurrency=(1,), min_rows=64), 1)

    assert "nearer to their own beginning" in suspicions(model)[0]


def test_the_same_vector_for_every_text_is_suspect() -> None:
    with serving(embed_server(lambda text: [1.0, 0.0])) as server:
        model = measure(embed_work(server.url))

    assert "0 of 32 texts" in suspicions(model)[0]


def test_another_model_under_the_pinned_name_is_suspect() -> None:
    name = "all-MiniLM-L6-v2"
    with serving(embed_server(model=name)) as server:
        model = measure(embed_work(server.url, name))

    assert "to the stored one of sentence-transformers/all-MiniLM-L6-v2" in suspicions(model)[0]


def test_vectors_in_another_order_are_right_by_their_index() -> None:
    model = run(with_data(backwards))

    assert suspicions(model) == []
    assert any("came in another order" in warning for warning in model.warnings)


def connect(url: str, model: str = MODEL) -> Any:
    request = ServerRequest(api=Api.EMBED, url=url, model=model)
    connection = Connection(base_url=url, request_timeout_s=WAIT_S)
    with PROVIDERS.load("openai").open(request, connection, lambda line: None) as served:
        return served


def test_the_check_before_the_run_asks_for_a_vector() -> None:
    with serving(embed_server()) as server:
        served = connect(server.url)
        (asked,) = [asked for asked in server.log if asked.body]

    assert served.model == MODEL
    assert asked.path == "/v1/embeddings"
    assert asked.values["input"] == ["Say: ready."]


def test_a_server_without_a_list_of_models_is_asked_for_what_was_named() -> None:
    answer = embed_server(model="sentence-transformers/all-MiniLM-L6-v2")

    def choose(asked: Any) -> Script:
        missing = reply({"error": "Not Found"}, "404 Not Found")
        return missing if asked.path == "/v1/models" else answer(asked)

    with serving(choose) as server:
        served = connect(server.url, "all-MiniLM-L6-v2")

    assert served.model == "all-MiniLM-L6-v2"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (fields(data=[]), "no vectors of texts"),
        (refusing("501 Not Implemented", "start it with --embeddings"), "--embeddings"),
        (fields(error={"message": "no encoder"}), "no encoder"),
        (fields(model="bge-large-en"), "bge-large-en"),
    ],
)
def test_a_server_without_vectors_is_refused_before_the_run(change: Change, said: str) -> None:
    with serving(embed_server(change=change)) as server, pytest.raises(HostApiError) as caught:
        connect(server.url)

    assert said in caught.value.message


@pytest.mark.long
def test_quick_measures_a_real_model_in_a_server_of_its_own(tmp_path: Path) -> None:
    done = nobs_run(
        tmp_path, "--profile", "served-quick", "--inputs", "1,8", "--concurrency", "1,2",
        "--repeats", "1", timeout_s=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (file,) = (tmp_path / "results").glob("report_*.json")
    (task,) = json.loads(file.read_text(encoding="utf-8"))["tasks"]
    (model,) = task["models"].values()

    assert model["check"]["stored"]["expected"]
    assert model["check"]["stored"]["lowest_cosine"] > 0.9999
    assert model["check"]["related_right"] == model["check"]["related"] == 32
    assert model["embedding_dimension"] == 384
    assert "output-suspect" not in [flag["name"] for flag in model["flags"]]
