"""Figures of images from requests and their controls."""

from typing import Any

from nobs.schema.enums import Backend, Status
from nobs.schema.server import ModelIdentity, ServerRef
from nobs.tasks.chat.report import LlmRequest
from nobs.tasks.vlms.aggregate import image_figures
from nobs.tasks.vlms.looked import image_warnings, open_reasons
from nobs.tasks.vlms.report import ControlRun, VlmModelReport, VlmRequest, VlmRun
from tests.fakes.vlm_work import workload


def request(prompt: int, ttft_s: float, side: int = 100, **more: Any) -> VlmRequest:
    return VlmRequest(
        prompt=prompt, ttft_s=ttft_s, total_latency_s=2.0, input_tokens=150, width=side,
        height=side, image_bytes=1000, control=1, **more,
    )  # fmt: skip


def run(*requests: VlmRequest) -> VlmRun:
    return VlmRun(
        median_latency_s=2.0, median_ttft_s=1.0, median_tokens_per_sec=None,
        total_input_tokens=None, total_output_tokens=1, failed=0, prompts=requests,
    )  # fmt: skip


def control(ttft_s: float, tokens: int | None = 50) -> ControlRun:
    return ControlRun(requests=(LlmRequest(prompt=1, ttft_s=ttft_s, input_tokens=tokens),))


def model(runs: list[VlmRun], controls: list[ControlRun]) -> VlmModelReport:
    return VlmModelReport(
        model_name="m", device=Backend.CPU, status=Status.OK,
        all_runs=tuple(runs), controls=tuple(controls),
    )  # fmt: skip


def test_the_image_cost_is_ttft_minus_that_of_the_text() -> None:
    found = image_figures(model([run(request(1, 1.0))] * 3, [control(0.25)] * 3))

    assert found["final_median_image_cost_s"] == 0.75
    assert found["final_median_images_per_sec"] == 0.5
    assert found["sizes"][0].image_tokens == 100


def test_the_interval_has_the_spread_of_texts_too() -> None:
    still = [run(request(1, 1.0))] * 6
    found = image_figures(model(still, [control(ttft_s) for ttft_s in (0.1, 0.2) * 3]))

    assert found["image_cost_interval"].low < found["image_cost_interval"].high


def test_failed_requests_have_no_cost() -> None:
    failed = VlmRequest(prompt=2, failure="cut", width=100, height=100, control=1)
    found = image_figures(model([run(request(1, 1.0), failed)], [control(0.5)]))

    assert found["final_median_image_cost_s"] == 0.5
    assert found["sizes"][0].images == 1


def test_without_controls_there_is_no_cost_and_no_count() -> None:
    found = image_figures(model([run(request(1, 1.0))], []))

    assert found["final_median_image_cost_s"] is None
    assert found["sizes"][0].image_tokens is None


def test_a_server_that_counts_no_prompt_tokens_has_no_image_tokens() -> None:
    found = image_figures(model([run(request(1, 1.0))], [control(0.5, tokens=None)]))

    assert found["sizes"][0].image_tokens is None


def test_megapixels_per_second_are_of_the_image_cost() -> None:
    found = image_figures(model([run(request(1, 1.5, side=1000))], [control(1.0)]))

    assert found["final_median_megapixels_per_sec"] == 2.0


def test_a_server_that_says_its_model_takes_no_images_is_quoted() -> None:
    said = "The server says that the model takes no images."
    server = ServerRef(provider="ollama", base_url="http://127.0.0.1:11434/v1", model="m")

    for vision, warnings in ((False, [said]), (True, []), (None, [])):
        identity = ModelIdentity(id="m", vision=vision)
        known = {"server": server.model_copy(update={"identity": identity})}
        assert list(image_warnings(model([], []).model_copy(update=known))) == warnings


def test_pictures_that_cost_little_after_their_first_time_are_open() -> None:
    first = run(*(request(number, 2.0) for number in range(6)))
    later = run(*(request(number, 1.1) for number in range(6)))
    cached = model([first, later, later], [control(1.0)] * 3)
    honest = model([first, first, first], [control(1.0)] * 3)
    noisy = model([first, later, later], [control(1.0), control(1.0), control(2.0)])

    assert any(each.startswith("cache: repeated") for each in open_reasons(cached, workload(2)))
    for other in (honest, noisy):
        assert not any(each.startswith("cache") for each in open_reasons(other, workload(2)))
