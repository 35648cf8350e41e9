"""Cold starts with pictures: a look-alike of Ollama that sees, and a real llama.cpp."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from nobs.catalog import load_catalog
from nobs.launch.planning.plan import make_plan
from nobs.launch.planning.request import RunRequest
from nobs.launch.server.serving import serve
from nobs.providers import llamacpp
from nobs.providers.weights import find_weights
from nobs.schema.enums import Execution
from nobs.schema.server import Api, Locality, ServerRef
from nobs.tasks.base import Work
from nobs.tasks.vlms.bench import make_bench
from nobs.tasks.vlms.definition import DEFINITION
from nobs.tasks.vlms.inputs import load_images
from nobs.tasks.vlms.report import VlmModelReport
from tests.fakes.facts import make_facts
from tests.fakes.llm_server import ScriptedServer, serving
from tests.fakes.native_run import one_core
from tests.fakes.ollama import LOAD_S, NAME, Ollama
from tests.fakes.pictures import pictures
from tests.fakes.vision_server import VisionServer, decode
from tests.fakes.vlm_work import cold_work, report_of

ROWS = pictures()
PATCHES = (64 // 16) ** 2
"""Tokens of such a picture."""


def measure(work: Work, repeats: int) -> VlmModelReport:
    bench = make_bench(work)
    try:
        bench.warm_up()
        units = [bench.run() for _ in range(repeats)]
        return report_of(bench.facts(), units)
    finally:
        bench.close()


def ollama_work(url: str, directory: Path) -> Work:
    server = ServerRef(provider="ollama", base_url=url, model=NAME, locality=Locality.LOCAL)
    return cold_work(server, directory, ROWS)


def sent_to(server: ScriptedServer) -> list[str]:
    """Return the data URLs of all pictures in order."""
    chats = (asked.values for asked in server.log if asked.path.endswith("completions"))
    contents = (chat["messages"][0]["content"] for chat in chats)
    parts = (part for content in contents if isinstance(content, list) for part in content)
    return [part["image_url"]["url"] for part in parts if part["type"] == "image_url"]


def open_reasons(report: VlmModelReport, work: Work) -> list[str]:
    return list(DEFINITION.find_open_reasons(report, work.workload))


def test_each_load_is_followed_by_two_answers_about_the_first_picture(tmp_path: Path) -> None:
    fake = Ollama(tmp_path / "none", chat=VisionServer())
    with serving(fake) as server:
        work = ollama_work(server.url, tmp_path)
        report = measure(work, repeats=2)
    sent, cold = sent_to(server), report.cold

    # The first start isn't timed; it also asks for the tokens of the template and of the text.
    assert fake.events == ["unload", "load", *["chat"] * 4, *["unload", "load", "chat", "chat"] * 2]
    assert report.template_tokens is not None
    assert len(set(sent)) == len(sent) == 6
    assert {decode(url).getpixel((0, 0)) for url in sent} == {ROWS[0].image.getpixel((0, 0))}
    assert cold is not None
    assert all(start.load_s >= LOAD_S for start in cold.starts)
    requests = [request for run in report.all_runs for request in run.prompts]
    assert [(each.prompt, each.picture, each.control) for each in requests] == [
        (1, "red", 1), (2, "red", 1),
    ] * 2  # fmt: skip
    assert requests[0].input_tokens == (report.controls[0].requests[0].input_tokens or 0) + PATCHES


def test_starts_with_pictures_are_closed_and_consistent(tmp_path: Path) -> None:
    with serving(Ollama(tmp_path / "none", chat=VisionServer())) as server:
        work = ollama_work(server.url, tmp_path)
        report = measure(work, repeats=1)

    assert open_reasons(report, work) == []
    assert list(DEFINITION.find_contradictions(report, work.workload)) == []
    assert not any("image" in warning for warning in report.warnings)
    assert DEFINITION.score([report]) is None
    (line, *_) = DEFINITION.details(report)
    assert line.startswith("  cold start: weights ")


@pytest.mark.parametrize("blind", [{"text_only": True}, {"counts_images": False}])
def test_a_server_that_counts_nothing_for_the_picture_makes_it_open(
    blind: dict[str, Any], tmp_path: Path
) -> None:
    chat = VisionServer(reports_cache=False, **blind)
    with serving(Ollama(tmp_path / "none", chat=chat)) as server:
        work = ollama_work(server.url, tmp_path)
        report = measure(work, repeats=1)

    assert open_reasons(report, work) == [
        "checks: no tokens were counted for the picture, which may have been ignored"
    ]
    assert any("it may have ignored them" in warning for warning in report.warnings)


@pytest.mark.long
def test_llamacpp_starts_with_its_projector(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Servers of other tests have mapped the original.
    weights = tmp_path / "weights.gguf"
    shutil.copyfile(find_weights(), weights)
    monkeypatch.setattr(llamacpp, "find_weights", lambda: weights)
    request = RunRequest(profile="cold-quick", tasks=("vlms",), execution=Execution.NATIVE)
    plan = make_plan(request, load_catalog(), make_facts(embedded_servers=frozenset({Api.CHAT})))
    with one_core(), serve(plan, plan.spec.steps, lambda _event: None) as served:
        server = served.plan.spec.server
        assert server
        rows: tuple[Any, ...] = load_images(plan.spec.workloads[0].dataset).rows
        work = cold_work(server, tmp_path, rows)
        report = measure(work, repeats=1)

    assert open_reasons(report, work) == []
    assert report.cold is not None
    (start,) = report.cold.starts
    assert sum(start.parts().values()) == pytest.approx(start.first_result_s)
    assert start.start_s
    assert 0 < start.second_ttft_s < start.first_result_s
