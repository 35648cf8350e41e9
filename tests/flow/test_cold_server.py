"""Cold starts of servers: a real llama.cpp, and look-alikes of LM Studio and Ollama."""

import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from nobs.catalog import load_catalog
from nobs.errors import HostApiError, UsageError
from nobs.launch.planning.facts import listens
from nobs.launch.planning.plan import make_plan
from nobs.launch.planning.request import RunRequest
from nobs.launch.server.serving import serve
from nobs.providers import llamacpp, ollama_cold
from nobs.providers.cold import find_cold_server
from nobs.providers.weights import find_weights
from nobs.schema.enums import Execution
from nobs.schema.server import Api, Connection, Locality, ModelIdentity, ServerRef
from nobs.system.page_cache import cached_share
from nobs.tasks.cold.lines import MOST_CACHED
from nobs.tasks.llms.bench import make_bench
from nobs.tasks.llms.definition import DEFINITION
from nobs.tasks.llms.report import LlmModelReport
from nobs.tasks.options import SERVER_URL
from tests.fakes.caching_server import PromptCache
from tests.fakes.facts import make_facts
from tests.fakes.llm_results import report_of
from tests.fakes.llm_routes import one_model
from tests.fakes.llm_server import serving
from tests.fakes.llm_work import cold_work, facts_of
from tests.fakes.native_run import one_core
from tests.fakes.ollama import LOAD_S, NAME, Ollama
from tests.fakes.studio import TINY, Studio, instance, model

LMS = pytest.mark.skipif(sys.platform == "win32", reason="the look-alike is a shell script")


def measure(server: ServerRef, directory: Path, repeats: int = 1) -> LlmModelReport:
    facts = facts_of(make_bench(cold_work(server, directory)), repeats, warms_up=False)
    report = report_of(facts.pop("runs"), **facts)
    assert isinstance(report, LlmModelReport)
    return report


def connect(server: ServerRef) -> Connection:
    return Connection(base_url=server.base_url, request_timeout_s=10)


@pytest.mark.long
def test_llamacpp_starts_without_another_server_that_holds_its_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Servers of other tests have mapped the original.
    weights = tmp_path / "weights.gguf"
    shutil.copyfile(find_weights(), weights)
    monkeypatch.setattr(llamacpp, "find_weights", lambda: weights)
    request = RunRequest(profile="cold-quick", tasks=("llms",), execution=Execution.NATIVE)
    plan = make_plan(request, load_catalog(), make_facts(embedded_servers=frozenset({Api.CHAT})))
    with one_core(), serve(plan, plan.spec.steps, lambda _event: None) as served:
        spec = served.plan.spec
        assert spec.server
        assert spec.connection
        assert not listens(spec.connection)
        report = measure(spec.server, tmp_path)
    cold = report.cold

    assert cold is not None
    assert len(cold.starts) == 1
    for start in cold.starts:
        assert sum(start.parts().values()) == pytest.approx(start.first_result_s)
        assert start.start_s
        assert 0 < start.second_ttft_s < start.first_result_s
    if sys.platform == "linux":
        assert cold.weights_cached is not None
        assert cold.weights_cached < MOST_CACHED


def ollama(url: str, **changes: object) -> ServerRef:
    values = {"provider": "ollama", "base_url": url, "model": NAME, "locality": Locality.LOCAL}
    return ServerRef.model_validate(values | changes)


def test_ollama_unloads_and_loads_before_the_first_request(tmp_path: Path) -> None:
    weights = tmp_path / "sha256-1"
    weights.write_bytes(bytes(1 << 20))
    fake = Ollama(weights, holds=2)
    with serving(fake) as server:
        report = measure(ollama(server.url), tmp_path, repeats=2)
    cold = report.cold

    assert fake.events == ["unload", "load", "chat", "chat"] * 2
    assert cold is not None
    assert all(start.start_s is None and start.load_s >= LOAD_S for start in cold.starts)
    # The look-alike doesn't read them.
    assert cold.weights_cached == cached_share([weights])


def test_template_tokens_in_a_prompt_cache_are_no_cached_prompt(tmp_path: Path) -> None:
    with serving(Ollama(tmp_path / "none", chat=PromptCache())) as server:
        work = cold_work(ollama(server.url), tmp_path)
        facts = facts_of(make_bench(work), 2)
    report = report_of(facts.pop("runs"), **facts)
    (first, second), _ = (run.prompts for run in report.all_runs)

    # More than half of this short prompt.
    assert 2 * second.cached_input_tokens > (second.input_tokens or 0) > 0
    assert first.prompt < second.prompt
    assert report.template_tokens is not None
    assert list(DEFINITION.find_open_reasons(report, work.workload)) == []


def test_a_cache_that_ignores_the_nonce_makes_cold_starts_open(tmp_path: Path) -> None:
    with serving(Ollama(tmp_path / "none", chat=PromptCache(ignores_nonce=True))) as server:
        work = cold_work(ollama(server.url), tmp_path)
        work = replace(work, inputs=("\n\n" + "A long question. " * 40,))
        facts = facts_of(make_bench(work), 2)
    report = report_of(facts.pop("runs"), **facts)

    (reason,) = DEFINITION.find_open_reasons(report, work.workload)
    assert reason.startswith("cache: 4 of 4 prompts were in the server's prompt cache")


def test_the_files_of_an_ollama_elsewhere_are_not_those_of_this_machine(tmp_path: Path) -> None:
    weights = tmp_path / "sha256-1"
    weights.touch()
    with serving(Ollama(weights)) as server:
        found = {
            place: find_cold_server(ollama(server.url, locality=place), Connection(
                base_url=server.url
            )).files
            for place in (Locality.LOCAL, Locality.REMOTE)
        }  # fmt: skip

    assert found == {Locality.LOCAL: (weights,), Locality.REMOTE: ()}


def test_a_model_that_stays_in_memory_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ollama_cold, "UNLOAD_S", 0.0)
    with (
        serving(Ollama(tmp_path, stays=True)) as server,
        pytest.raises(HostApiError, match=f"still has {NAME} in memory"),
    ):
        measure(ollama(server.url), tmp_path)


@LMS
@pytest.mark.long
def test_lm_studio_unloads_and_loads_our_own_instance(
    installed: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = tmp_path / ".lmstudio" / "models" / TINY / "weights.gguf"
    weights.parent.mkdir(parents=True)
    weights.write_bytes(bytes(1 << 20))
    monkeypatch.setenv("HOME", str(tmp_path))
    installed.change(daemon=True, models=[model(TINY)])
    with installed.open() as served:
        server = ServerRef(
            provider="lmstudio", base_url=served.connection.base_url, model=served.model,
            locality=Locality.LOCAL, setup=True, identity=served.identity,
        )  # fmt: skip
        assert find_cold_server(server, served.connection).files == (weights,)
        before = installed.condition()
        report = measure(server, tmp_path, repeats=1)
        assert installed.condition() == before
    calls = [call for call in installed.calls() if call.startswith(("load", "unload"))]

    assert report.cold is not None
    assert report.cold.starts[0].start_s is None
    assert [call.split()[0] for call in calls] == ["load", "unload", "load", "unload"]
    assert "nobs-tiny" in calls[2]
    assert installed.condition()["loaded"] == []


@LMS
@pytest.mark.parametrize(
    ("setup", "message"), [(True, "was loaded before"), (False, "may not load models in it")]
)
def test_an_instance_of_the_user_s_is_not_unloaded(
    installed: Studio, *, setup: bool, message: str
) -> None:
    installed.change(daemon=True, models=[model(TINY)], loaded=[instance(TINY)])
    server = ServerRef(provider="lmstudio", base_url=installed.url, model=TINY, setup=setup)

    with pytest.raises(UsageError, match=message):
        find_cold_server(server, connect(server))
    assert not any(call.startswith("unload") for call in installed.calls())


def test_a_server_of_the_user_s_is_refused_before_anything_is_measured() -> None:
    with serving(one_model("gpt-oss-20b")) as server:
        request = RunRequest(
            profile="cold-quick", tasks=("llms",), execution=Execution.NATIVE,
            options={SERVER_URL.name: server.url},
        )  # fmt: skip
        plan = make_plan(request, load_catalog(), make_facts())
        with (
            pytest.raises(UsageError, match="neither started it nor can unload") as caught,
            serve(plan, plan.spec.steps, lambda _event: None),
        ):
            pytest.fail("it serves")

    assert "NOBS then starts llama.cpp" in caught.value.remedy
    assert "--setup-lm-studio" in caught.value.remedy


def test_a_llama_server_that_nobs_did_not_start_is_refused() -> None:
    server = ServerRef(
        provider="llamacpp", base_url="http://127.0.0.1:1/v1", model="m",
        identity=ModelIdentity(id="m", runtime="llama.cpp"),
    )  # fmt: skip

    with pytest.raises(UsageError, match="neither started it"):
        find_cold_server(server, connect(server))
