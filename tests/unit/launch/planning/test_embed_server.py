"""Which server a run asks for vectors, and for which model."""

from typing import Any

import pytest

from nobs.catalog import load_catalog
from nobs.errors import UsageError
from nobs.launch.planning.connection import is_embedded
from nobs.launch.planning.plan import Plan, make_plan
from nobs.launch.planning.server import choose_tasks
from nobs.schema.enums import Division, Execution
from nobs.schema.server import Api
from tests.fakes.facts import make_facts
from tests.fakes.run_requests import make_request

URL = "http://10.0.0.7:8080/v1"
CATALOG = load_catalog()


def plan(facts: dict[str, Any] | None = None, **words: Any) -> Plan:
    request = make_request(**{"execution": Execution.NATIVE} | words)
    return make_plan(request, CATALOG, make_facts(**(facts or {})))


def test_quick_vectors_come_from_a_server_that_nobs_starts() -> None:
    made = plan(profile="served-quick")
    request = made.spec.server_request

    assert request is not None
    assert (request.api, request.provider) == (Api.EMBED, "sentence-transformers")
    assert is_embedded(request)
    assert request.parallel == 2
    assert made.spec.workloads[0].division is Division.CLOSED


def test_variables_of_an_llm_name_no_model_of_vectors() -> None:
    facts = {"llm_model_name": "an-llm", "llm_base_url": URL}
    request = plan(facts, profile="served").spec.server_request

    assert request is not None
    assert (request.api, request.model, request.url) == (Api.EMBED, "all-MiniLM-L6-v2", URL)
    assert request.at("ollama").model == "all-minilm"


def test_other_levels_and_sizes_are_open() -> None:
    words: dict[str, Any] = {"inputs": (4,), "concurrency": (2, 16), "llm_url": URL}
    (workload,) = plan(profile="served", **words).spec.workloads

    assert workload.open_reasons == (
        "params.inputs: [4] instead of [1, 8, 32]",
        "params.concurrency: [2, 16] instead of [1, 4, 8]",
    )


def test_the_started_server_has_one_model_only() -> None:
    with pytest.raises(UsageError, match="has all-MiniLM-L6-v2-F32 only, not bge-m3"):
        plan(profile="served-quick", llm_model="bge-m3")


def test_without_its_packages_the_started_server_is_left_out_with_a_note() -> None:
    pinned = {task: CATALOG.workload(task, "quick") for task in ("embeddings", "llms")}
    pinned["embeddings-served"] = CATALOG.workload("embeddings-served", "served-quick")
    facts = make_facts(embedded_servers=frozenset({Api.CHAT}))
    tasks, notes = choose_tasks(make_request(), pinned, facts)

    assert "embeddings-served" not in tasks
    assert any("without embeddings-served" in note for note in notes)


def test_one_model_cant_answer_chats_and_vectors() -> None:
    pinned = {
        "llms": CATALOG.workload("llms", "standard"),
        "embeddings-served": CATALOG.workload("embeddings-served", "served"),
    }
    request = make_request(tasks=tuple(pinned), llm_model="one", llm_url=URL)

    with pytest.raises(UsageError, match="llms and embeddings-served measure different models"):
        choose_tasks(request, pinned, make_facts())
