"""The work of `vlms` against a scripted server that decodes what it is sent."""

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from nobs.errors import HostApiError
from nobs.schema.pins import Source
from nobs.tasks.vlms import bench as vlm_bench
from nobs.tasks.vlms.bench import VlmBench
from nobs.tasks.vlms.definition import DEFINITION
from nobs.tasks.vlms.encode import BLOCK, SentPicture, encode
from tests.fakes.llm_answers import whole_server
from tests.fakes.llm_server import ScriptedServer, serving
from tests.fakes.pictures import pictures
from tests.fakes.vision_server import VisionServer, decode
from tests.fakes.vlm_work import measure, report_on, work, workload

ROWS = pictures()


def few_of(numbers: range) -> list[Any]:
    """The first four; the others are for the long tests."""
    first, rest = numbers[:4], numbers[4:]
    return [*first, *(pytest.param(number, marks=pytest.mark.long) for number in rest)]


def chats(server: ScriptedServer) -> list[dict[str, Any]]:
    return [asked.values for asked in server.log if asked.path.endswith("completions")]


def images_of(server: ScriptedServer) -> list[str]:
    """Return the data URLs in order."""
    parts = (
        part
        for chat in chats(server)
        if len(chat["messages"]) == 1
        for part in chat["messages"][0]["content"]
    )
    return [part["image_url"]["url"] for part in parts if part["type"] == "image_url"]


def open_reasons(report: Any) -> list[str]:
    return list(DEFINITION.find_open_reasons(report, workload(len(ROWS))))


def test_a_request_is_one_user_message_of_nonce_image_and_question(tmp_path: Path) -> None:
    with serving(whole_server(VisionServer())) as server:
        measure(server.url, tmp_path, ROWS[:1], repeats=1)
    message, *more = chats(server)[0]["messages"]

    assert more == []
    assert [part["type"] for part in message["content"]] == ["text", "image_url", "text"]
    assert message["content"][0]["text"].startswith("Request ")
    assert ROWS[0].open_question == message["content"][2]["text"]


def test_pixels_arrive_unchanged_but_for_one_new_block_per_request(tmp_path: Path) -> None:
    with serving(whole_server(VisionServer())) as server:
        measure(server.url, tmp_path, ROWS[:1], repeats=3)
    # Without the checks, whose second image is blank.
    sent = [decode(url) for url in images_of(server)[:4]]
    side = sent[0].width
    corner = (side - BLOCK, side - BLOCK, side, side)
    blocks = [image.crop(corner).tobytes() for image in sent]
    for image in sent:
        image.paste(ROWS[0].image.crop(corner), corner)

    assert {ROWS[0].image.tobytes()} == {image.tobytes() for image in sent}
    assert len(set(blocks)) == 4


def test_pictures_are_encoded_before_the_clock_of_a_repeat(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded: list[str] = []

    def encode_noted(image: Image.Image, **words: bool) -> SentPicture:
        encoded.append("picture")
        return encode(image, **words)

    with serving(whole_server(VisionServer())) as server:
        bench = VlmBench(work(server.url, tmp_path, ROWS))
        try:
            monkeypatch.setattr(vlm_bench, "encode", encode_noted)
            for _ in range(2):
                bench.synchronize()
                encoded.append("start")
                bench.run()
                bench.synchronize()
                encoded.append("end")
        finally:
            bench.close()

    assert encoded == [*(["picture"] * len(ROWS)), "start", "end"] * 2


def test_no_nonce_is_used_twice(tmp_path: Path) -> None:
    with serving(whole_server(VisionServer())) as server:
        measure(server.url, tmp_path, ROWS, repeats=2)
    contents = [chat["messages"][0]["content"] for chat in chats(server)]
    prefixes = [each if isinstance(each, str) else each[0]["text"] for each in contents]

    assert len(prefixes) == len(set(prefixes))


def test_image_tokens_are_the_difference_to_the_same_text(tmp_path: Path) -> None:
    report = report_on(VisionServer(), tmp_path, pictures(64, 128))

    assert [(size.width, size.image_tokens) for size in report.sizes] == [(64, 16), (128, 64)]
    assert report.resized_from is None


def test_equal_counts_at_two_sizes_mean_that_the_server_resizes(tmp_path: Path) -> None:
    report = report_on(VisionServer(max_side=96), tmp_path, pictures(64, 96, 128))

    assert report.resized_from == (128, 128)
    assert any("128x128 has no more tokens" in warning for warning in report.warnings)


def test_a_server_that_counts_no_image_tokens_is_named(tmp_path: Path) -> None:
    report = report_on(VisionServer(counts_images=False), tmp_path, ROWS)

    assert "The server counts no tokens for images: it may have ignored them." in report.warnings


def test_a_server_that_sees_passes_and_is_closed(tmp_path: Path) -> None:
    report = report_on(VisionServer(), tmp_path, ROWS)

    assert (report.right_share, report.looked_share) == (1.0, 1.0)
    assert list(DEFINITION.check_output(report)) == []
    assert open_reasons(report) == []
    assert list(DEFINITION.find_contradictions(report, workload(len(ROWS)))) == []


def test_packaged_questions_check_pictures_of_the_hub(tmp_path: Path) -> None:
    rows = tuple(replace(row, question="", answers=(), wrong=()) for row in ROWS[:2])
    report = report_on(VisionServer(), tmp_path, rows, source=Source.HUB, thinking=True)

    assert [check.width for check in report.picture_checks] == [448] * 8
    assert len({check.question for check in report.picture_checks}) == 8
    assert any("output_suspect" in fault for fault in DEFINITION.check_output(report))


@pytest.mark.parametrize("seed", few_of(range(20)))
def test_a_text_only_server_that_describes_images_fails(seed: int, tmp_path: Path) -> None:
    # Half of them always say the same, the others guess one of eight colours each time.
    guesses = random.Random(seed) if seed % 2 else None
    report = report_on(VisionServer(text_only=True, guesses=guesses), tmp_path, ROWS, repeats=1)

    assert any(fault.startswith("output_suspect") for fault in DEFINITION.check_output(report))


@pytest.mark.parametrize("repeats", few_of(range(2, 22)))
def test_a_server_that_answers_repeated_images_from_a_cache_is_open(
    repeats: int, tmp_path: Path
) -> None:
    rows = pictures()[: 2 + repeats % 7]
    report = report_on(VisionServer(caches=True), tmp_path, rows, repeats=min(repeats, 5))

    assert any(reason.startswith("cache: ") for reason in open_reasons(report))


def test_the_tokens_of_the_template_may_be_cached(tmp_path: Path) -> None:
    report = report_on(VisionServer(), tmp_path, ROWS)

    assert report.template_tokens is not None
    assert open_reasons(report) == []


def test_one_image_with_many_questions_is_a_level_of_its_own(tmp_path: Path) -> None:
    report = report_on(VisionServer(caches=True), tmp_path, ROWS, one_image_questions=3)

    assert report.one_image is not None
    assert report.one_image.later == 3
    assert (report.one_image.input_tokens or 0) - 1 == report.one_image.cached_tokens


def test_load_sends_different_images(tmp_path: Path) -> None:
    load = {"concurrency": (2,)}
    with serving(whole_server(VisionServer())) as server:
        facts, _ = measure(server.url, tmp_path, ROWS[:2], repeats=1, load=load)
    urls = images_of(server)

    assert facts["load"]["levels"][0]["requests"] == 10
    assert len(urls) == len(set(urls))
    assert facts["load"]["levels"][0]["client"]["cpu_share"] > 0


def test_a_model_that_reasons_does_other_work(tmp_path: Path) -> None:
    report = report_on(VisionServer(reasons=True), tmp_path, ROWS, repeats=1)

    assert any(reason.startswith("thinking: ") for reason in open_reasons(report))


REFUSALS = {
    "no vision": (
        VisionServer(refusal={"error": {"message": "image input is not supported - hint: if this "
                                        "is unexpected, you may need to provide the mmproj"}}),
        "takes no images",
    ),
    "text only content": (
        VisionServer(refusal={"error": {"message": "content must be a string"}}),
        "takes no images",
    ),
    "media type": (
        VisionServer(refusal={"error": {"message": "unsupported media type image/png"}}),
        "can't read PNG",
    ),
    "decoding": (
        VisionServer(refusal={"error": {"message": "failed to decode image bytes"}}),
        "can't read PNG",
    ),
    "too large": (VisionServer(limit_bytes=500), "limits the size"),
    "pixels": (
        VisionServer(refusal={"error": {"message": "image exceeds the maximum of 1024 pixels"}}),
        "limits the size",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("answer", "remedy"), REFUSALS.values(), ids=REFUSALS)
def test_a_refused_image_is_an_error_that_says_what_to_do(
    answer: VisionServer, remedy: str, tmp_path: Path
) -> None:
    with serving(whole_server(answer)) as server, pytest.raises(HostApiError) as caught:
        measure(server.url, tmp_path, ROWS)

    assert remedy in caught.value.remedy
    assert "64x64" in caught.value.message


def test_answers_that_break_off_end_the_step_with_their_reason(tmp_path: Path) -> None:
    with (
        serving(whole_server(VisionServer(cuts=True))) as server,
        pytest.raises(HostApiError, match=r"requests to .* failed \(cut \d+\)") as caught,
    ):
        measure(server.url, tmp_path, ROWS)

    assert "server's log" in caught.value.remedy


def test_images_are_reduced_where_the_workload_says_so(tmp_path: Path) -> None:
    report = report_on(VisionServer(), tmp_path, pictures(128), max_side=96)

    assert [size.width for size in report.sizes] == [96]
