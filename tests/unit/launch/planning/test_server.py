"""Which server a run asks, from words, variables and what is there."""

from pathlib import Path
from typing import Any

import pytest

from nobs.catalog import load_catalog
from nobs.errors import UsageError
from nobs.launch.planning.plan import Plan, make_plan, plan_spec
from nobs.schema.enums import Execution
from nobs.schema.pins import Source
from nobs.schema.server import Api, Connection, ServerRequest
from nobs.schema.spec import RunSpec
from nobs.tasks.parameters import typed
from tests.fakes.facts import make_facts
from tests.fakes.run_requests import make_request

QUIET: dict[str, Any] = {"default_server_answers": False}


def plan(facts: dict[str, Any] | None = None, **words: Any) -> Plan:
    request = make_request(**{"execution": Execution.NATIVE} | words)
    return make_plan(request, load_catalog(), make_facts(**(facts or {})))


def tasks_of(made: Plan) -> list[str]:
    return [workload.task for workload in made.spec.workloads]


def asked(facts: dict[str, Any] | None = None, **words: Any) -> ServerRequest:
    request = plan(facts, **words).spec.server_request
    assert request is not None
    return request


def url_of(facts: dict[str, Any] | None = None, **words: Any) -> str | None:
    connection = plan(facts, **words).connection
    return connection.base_url if connection else None


def test_without_a_word_the_standard_profile_asks_lm_studio() -> None:
    facts = {"default_server_answers": True}

    assert asked(facts) == ServerRequest(model="gpt-oss-20b")
    assert url_of(facts) == "http://127.0.0.1:1234/v1"


@pytest.mark.parametrize(
    ("words", "url"),
    [
        ({"provider": "ollama"}, "http://127.0.0.1:11434/v1"),
        ({"provider": "openai"}, "http://127.0.0.1:1234/v1"),
        ({"setup_lm_studio": True}, "http://127.0.0.1:1234/v1"),
        ({"provider": "ollama", "llm_url": "http://a:1/v1"}, "http://a:1/v1"),
        ({"provider": "llamacpp", "llm_url": "http://a:1/v1"}, "http://a:1/v1"),
    ],
)
def test_without_a_url_the_usual_one_of_the_provider_is_taken(
    words: dict[str, Any], url: str
) -> None:
    assert url_of(tasks=("llms",), **words) == url


def test_llms_are_left_out_with_a_note_where_no_server_answers() -> None:
    made = plan(QUIET)

    assert "llms" not in tasks_of(made)
    assert made.spec.server_request is None
    assert made.connection is None
    assert "without llms: no server answers at http://127.0.0.1:1234/v1" in made.notes[0]


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({}, {"tasks": ("embeddings", "llms")}),
        ({}, {"llm_url": "http://127.0.0.1:8000/v1"}),
        ({}, {"llm_model": "other"}),
        ({}, {"provider": "openai"}),
        ({"llm_base_url": "http://127.0.0.1:8000/v1"}, {}),
    ],
)
def test_a_server_that_was_named_is_never_left_out(
    facts: dict[str, Any], words: dict[str, Any]
) -> None:
    assert tasks_of(plan(QUIET | facts, **words))[:2] == ["embeddings", "llms"]


def test_llms_are_left_out_where_the_embedded_server_is_not_installed() -> None:
    made = plan({"embedded_servers": frozenset({Api.EMBED})}, profile="quick")

    assert "llms" not in tasks_of(made)
    assert "isn't installed" in made.notes[0]


def test_the_quick_profile_starts_its_own_server_whatever_the_variables_say() -> None:
    variables = {"llm_base_url": "http://127.0.0.1:8000/v1", "llm_model_name": "other"}

    assert asked(variables, profile="quick") == ServerRequest(provider="llamacpp")
    assert url_of(variables, profile="quick") is None


def test_the_quick_prompts_go_to_any_server() -> None:
    words = {"profile": "quick", "llm_url": "http://127.0.0.1:8000/v1", "llm_model": "m"}
    made = plan(QUIET, **words)
    workload = made.spec.workloads[1]

    assert asked(QUIET, **words).provider is None
    assert [(m.id, m.source) for m in workload.models] == [("m", Source.SERVER)]
    assert workload.open_reasons == ("models: m instead of SmolLM2-135M-Instruct-Q4_1",)


def test_words_win_over_variables() -> None:
    variables = {"llm_base_url": "http://a:1/v1", "llm_model_name": "a"}
    words = {"llm_url": "http://b:2/v1", "llm_model": "b"}

    assert (url_of(variables), asked(variables).model) == ("http://a:1/v1", "a")
    assert (url_of(variables, **words), asked(variables, **words).model) == ("http://b:2/v1", "b")


def test_a_pinned_model_stays_closed_and_another_is_open() -> None:
    pinned = plan(tasks=("llms",), llm_url="http://a:1/v1").spec.workloads[0]
    other = plan(tasks=("llms",), llm_model="other").spec.workloads[0]

    assert pinned.open_reasons == ()
    assert other.open_reasons == ("models: other instead of gpt-oss-20b",)


def test_another_limit_of_tokens_is_open() -> None:
    workload = plan(tasks=("llms",), max_output_tokens=64).spec.workloads[0]

    assert workload.open_reasons == ("params.max_output_tokens: 64 instead of 2048",)


def test_texts_are_those_of_the_embeddings_unless_llms_are_alone() -> None:
    both = plan(tasks=("embeddings", "llms"), rows=2).spec.workloads
    alone = plan(tasks=("llms",), rows=2).spec.workloads

    assert [workload.dataset.rows for workload in both] == [2, 3]
    assert [workload.dataset.rows for workload in alone] == [2]


def test_a_run_of_llms_alone_needs_no_worker_s_libraries() -> None:
    made = plan({"missing_packages": {"embeddings": ("torch",)}}, profile="quick", tasks=("llms",))

    assert made.spec.execution is Execution.NATIVE
    assert made.spec.offline


@pytest.mark.parametrize("words", [{}, {"provider": "openai"}, {"provider": "ollama"}])
@pytest.mark.parametrize(
    "url",
    ["localhost:1234", "ftp://a/v1", "http://", "http://[::", "http://a:99999/v1", "http://a:b/v1"],
)
def test_what_is_no_url_is_refused(url: str, words: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="isn't a server's URL"):
        plan(llm_url=url, **words)


def test_inside_a_container_loopback_is_the_host() -> None:
    words = {"tasks": ("llms",), "execution": None}

    assert url_of({"in_container": True}, **words) == "http://host.docker.internal:1234/v1"


def test_the_timeout_of_requests_keeps_its_name_and_value() -> None:
    made = plan(tasks=("llms",), llm_url="http://a:1/v1", request_timeout=5.0)

    assert made.spec.server_request == ServerRequest(
        url="http://a:1/v1", model="gpt-oss-20b", request_timeout_s=5.0
    )
    assert made.connection == Connection(base_url="http://a:1/v1", request_timeout_s=5.0)


def test_a_resumed_run_asks_again_for_what_it_asked() -> None:
    spec = plan(tasks=("llms",), provider="ollama", concurrency=(4,)).spec
    read = RunSpec.model_validate_json(spec.model_dump_json(by_alias=True))

    assert read.server_request == spec.server_request
    assert plan_spec(read, Path("results"), make_facts()).connection == Connection(
        base_url="http://127.0.0.1:11434/v1"
    )


def test_a_model_that_the_run_loads_has_room_for_the_highest_level() -> None:
    assert asked(tasks=("llms",), concurrency=(1, 16, 4)).parallel == 16
    assert asked(tasks=("llms",)).parallel is None


def test_the_fingerprint_of_published_workloads_never_changes() -> None:
    from nobs.report.build import fingerprint  # noqa: PLC0415

    found = {label: fingerprint(typed(work)) for label, work in load_catalog().workloads.items()}

    assert found["embeddings/1"].startswith("c91af713d56482e2")
    assert found["embeddings-quick/1"].startswith("e2270732e817adc5")


def test_a_run_has_one_server_with_one_model() -> None:
    made = plan({"default_server_answers": True})

    assert {"llms", "vlms"} & {*tasks_of(made)} == {"llms"}
    assert any(
        note == "without vlms: a run uses one server with one model; measure it with --task vlms"
        for note in made.notes
    )


def test_the_embedded_server_serves_all_tasks_of_quick() -> None:
    assert {"llms", "vlms"} < {*tasks_of(plan(profile="quick"))}


def test_the_task_with_options_of_its_own_is_kept() -> None:
    made = plan({"default_server_answers": True}, max_side=96)

    assert {"llms", "vlms"} & {*tasks_of(made)} == {"vlms"}


def test_one_model_for_all_served_tasks_is_one_server() -> None:
    made = plan(tasks=("llms", "vlms"), llm_model="m")

    assert tasks_of(made) == ["llms", "vlms"]
    assert {model.id for work in made.spec.workloads for model in work.models} == {"m"}


def test_two_served_tasks_named_together_are_refused() -> None:
    with pytest.raises(UsageError, match="measure different models"):
        plan(tasks=("llms", "vlms"))


def test_the_default_model_is_that_of_the_workload() -> None:
    assert asked(tasks=("vlms",)).model == "qwen3-vl-8b"
    assert asked({"llm_model_name": "other"}, tasks=("vlms",)).model == "other"


@pytest.mark.parametrize(
    ("provider", "name"),
    [
        ("lmstudio", "qwen/qwen3-vl-8b"),
        ("ollama", "qwen3-vl:8b-instruct"),
        ("openai", "Qwen/Qwen3-VL-8B-Instruct"),
        ("llamacpp", "Qwen3-VL-8B-Instruct"),
        ("unheard", "qwen3-vl-8b"),
    ],
)
def test_the_model_has_the_name_that_the_kind_of_server_gives_it(provider: str, name: str) -> None:
    made = plan(tasks=("vlms",))
    assert made.spec.server_request is not None

    assert made.spec.server_request.at(provider).model == name
    assert made.spec.workloads[0].open_reasons == ()


@pytest.mark.parametrize(
    "words", [{"llm_model": "qwen3-vl-8b"}, {"facts": {"llm_model_name": "qwen3-vl-8b"}}]
)
def test_a_name_that_the_user_gives_is_the_one_that_is_asked_for(words: dict[str, Any]) -> None:
    assert asked(tasks=("vlms",), **words).at("ollama").model == "qwen3-vl-8b"


def test_the_plan_says_what_the_named_provider_calls_the_model() -> None:
    made = plan(tasks=("vlms",), provider="ollama", llm_url="http://a:1/v1")

    assert "model qwen3-vl:8b-instruct" in made.to_dict()["server"]["text"]


def test_the_embedded_server_takes_a_file_of_the_user(tmp_path: Path) -> None:
    file = tmp_path / "mine-q4.gguf"
    file.touch()
    made = plan(profile="quick", tasks=("llms",), llm_model=str(file))

    (workload,) = made.spec.workloads
    assert [(pin.id, pin.source) for pin in workload.models] == [("mine-q4", Source.SERVER)]
    assert made.spec.server_request is not None
    assert made.spec.server_request.provider == "llamacpp"
    assert workload.open_reasons


def test_a_file_that_is_not_there_is_refused_by_its_path(tmp_path: Path) -> None:
    missing = tmp_path / "none.gguf"

    with pytest.raises(UsageError, match=f"There is no file {missing}"):
        plan(profile="quick", tasks=("llms",), llm_model=str(missing))
