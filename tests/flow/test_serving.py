"""A run's server: there for the steps that need it, gone for the others."""

from typing import Any

from nobs.catalog import load_catalog
from nobs.launch.planning.facts import listens
from nobs.launch.planning.plan import make_plan
from nobs.launch.planning.request import RunRequest
from nobs.launch.server.serving import serve
from nobs.schema.enums import Execution
from nobs.schema.server import Api
from nobs.tasks.options import SERVER_URL
from tests.fakes.facts import make_facts
from tests.fakes.llm_routes import one_model
from tests.fakes.llm_server import serving
from tests.fakes.native_run import one_core


def test_an_embedded_server_ends_with_the_last_step_that_needs_it() -> None:
    request = RunRequest(profile="quick", tasks=("embeddings", "llms"), execution=Execution.NATIVE)
    plan = make_plan(request, load_catalog(), make_facts(embedded_servers=frozenset({Api.CHAT})))
    served, embedding = plan.spec.steps
    heard: list[Any] = []

    with one_core(), serve(plan, plan.spec.steps, heard.append) as served_plan:
        connection = served_plan.plan.spec.connection
        assert connection
        other = {"event": "step.finished", "step": embedding.id}
        served_plan.on_event(other)
        assert listens(connection)
        last = {"event": "step.finished", "step": served.id}
        served_plan.on_event(last)
        assert not listens(connection)
    assert [event for event in heard if event["event"] == "step.finished"] == [other, last]


def test_a_detected_server_is_asked_for_the_model_by_its_own_name() -> None:
    with serving(one_model("Qwen/Qwen3-VL-8B-Instruct")) as server:
        request = RunRequest(
            tasks=("vlms",), execution=Execution.NATIVE, options={SERVER_URL.name: server.url}
        )
        plan = make_plan(request, load_catalog(), make_facts())
        with serve(plan, plan.spec.steps, lambda _: None) as served_plan:
            found = served_plan.plan.spec.server

    assert found is not None
    assert (found.provider, found.model) == ("openai", "Qwen/Qwen3-VL-8B-Instruct")
