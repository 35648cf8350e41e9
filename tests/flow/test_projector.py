"""The packaged projector in the real llama.cpp server: it names what is in a picture."""

import base64
import io
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import numpy as np
import pytest
from PIL import Image, ImageOps

from nobs.catalog import load_catalog
from nobs.errors import HostApiError, ModelMissing
from nobs.providers import PROVIDERS
from nobs.providers.embedded import Settings, running
from nobs.providers.weights import MODEL, find_projector, find_weights, packaged_projector
from nobs.schema.pins import CompanionPin
from nobs.schema.server import ServerRequest
from nobs.tasks.vlms.answers import is_right
from nobs.tasks.vlms.pictures import Picture, load_pictures
from tests.fakes.native_run import one_core
from tools.shapes import COLOURS, SHAPES, choose_shapes, draw_shapes, mark_corners

WEAK = Path(__file__).parents[1] / "fakes" / "projectors" / "weak-mmproj.gguf"
PICTURES: tuple[Picture, ...] = load_pictures(load_catalog().datasets["nobs/drawn-pictures"]).rows
UNSEEN_SEED, UNSEEN = 40, 40
"""Another seed than those of the training and of the packaged pictures."""
SIDE = 448
GREY = Image.new("RGB", (SIDE, SIDE), (128, 128, 128))
LEAST_RIGHT = 11


def packaged() -> CompanionPin:
    pin = packaged_projector()
    assert pin is not None
    return pin


def ask(url: str, image: Image.Image | None, question: str, model: str = MODEL) -> str:
    """Return the answer to nonce, image and question."""
    content: list[dict[str, object]] = [{"type": "text", "text": "[id 5e1f]"}]
    if image is not None:
        file = io.BytesIO()
        image.save(file, "PNG")
        data = "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
        content.append({"type": "image_url", "image_url": {"url": data}})
    messages = [{"role": "user", "content": [*content, {"type": "text", "text": question}]}]
    body = {"model": model, "messages": messages, "max_tokens": 12, "temperature": 0}
    request = Request(
        f"{url}/v1/chat/completions",
        json.dumps(body).encode(),
        {"Content-Type": "application/json"},
    )
    with urlopen(request) as answer:
        return str(json.load(answer)["choices"][0]["message"]["content"])


def count_right(
    url: str, images: Sequence[Image.Image | None], pictures: Sequence[Picture] = PICTURES
) -> int:
    pairs = zip(pictures, images, strict=True)
    return sum(is_right(ask(url, image, picture.question), picture) for picture, image in pairs)


def unseen() -> list[Picture]:
    """Return pictures drawn as those of the training are, with a block of noise in a corner."""
    random = np.random.default_rng(UNSEEN_SEED)
    shapes = choose_shapes(random, UNSEEN)
    pixels = draw_shapes(shapes, SIDE)
    mark_corners(random, pixels)
    names = [
        f"{[*COLOURS][colour]} {SHAPES[shape]}"
        for colour, shape in zip(shapes.colour, shapes.shape, strict=True)
    ]
    return [
        replace(
            PICTURES[0],
            name=name,
            image=Image.fromarray(np.round(each * 255).astype(np.uint8)),
            answers=(name,),
            wrong=tuple(word for word in (*COLOURS, *SHAPES) if word not in name.split()),
        )
        for name, each in zip(names, pixels, strict=True)
    ]


def swap_red_and_blue(image: Image.Image) -> Image.Image:
    red, green, blue = image.split()
    return Image.merge("RGB", (blue, green, red))


def with_projector(projector: Path | None) -> Settings:
    return Settings(
        weights=find_weights(), model=MODEL, context_length=2048, threads=1, projector=projector
    )


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    projector = find_projector(packaged())
    with running(with_projector(projector), lambda _: None, wait_s=120) as server:
        yield server.url


@pytest.mark.long
def test_every_picture_is_named(url: str) -> None:
    assert count_right(url, [picture.image for picture in PICTURES]) == len(PICTURES)


@pytest.mark.long
def test_every_unseen_picture_is_named_and_none_with_other_colours_or_without_image(
    url: str,
) -> None:
    pictures = unseen()
    # Green and black stay what they are.
    other = [picture for picture in pictures if picture.name.split()[0] in {"red", "blue"}]
    swapped = [swap_red_and_blue(picture.image) for picture in other]

    assert count_right(url, [picture.image for picture in pictures], pictures) == UNSEEN
    assert count_right(url, swapped, other) == 0
    # Without an image all questions are the same.
    answer = ask(url, None, PICTURES[0].question)
    assert [picture.name for picture in pictures if is_right(answer, picture)] == []


@pytest.mark.long
def test_a_picture_of_other_size_is_named_too(url: str) -> None:
    assert count_right(url, [p.image.resize((1344, 1344)) for p in PICTURES]) == len(PICTURES)


@pytest.mark.long
def test_without_image_nothing_is_named(url: str) -> None:
    assert count_right(url, [None] * len(PICTURES)) == 0


@pytest.mark.long
@pytest.mark.parametrize("change", [swap_red_and_blue, ImageOps.invert, lambda _: GREY])
def test_another_image_makes_the_answers_wrong(
    url: str, change: Callable[[Image.Image], Image.Image]
) -> None:
    assert count_right(url, [change(picture.image) for picture in PICTURES]) < LEAST_RIGHT


@pytest.mark.long
def test_the_next_picture_makes_every_answer_wrong(url: str) -> None:
    images = [picture.image for picture in PICTURES]

    assert count_right(url, [*images[1:], images[0]]) == 0


@pytest.mark.long
def test_a_weak_projector_is_noticed() -> None:
    with running(with_projector(WEAK), lambda _: None, wait_s=120) as server:
        right = count_right(server.url, [picture.image for picture in PICTURES])

    assert 0 < right < LEAST_RIGHT


@pytest.mark.long
def test_a_server_without_projector_says_so() -> None:
    with (
        running(with_projector(None), lambda _: None, wait_s=120) as server,
        pytest.raises(HTTPError) as caught,
    ):
        ask(server.url, PICTURES[0].image, "What is in the picture?")

    assert caught.value.code >= 400
    assert b"image input is not supported" in caught.value.read()


@pytest.mark.long
def test_the_embedded_server_has_the_projector_and_both_names() -> None:
    wanted = ServerRequest(model="SmolLM2-135M-shapes")
    with one_core(), PROVIDERS.load("llamacpp").open(wanted, None, lambda _: None) as served:
        url = served.connection.base_url.removesuffix("/v1")
        answer = ask(url, PICTURES[0].image, PICTURES[0].question, "SmolLM2-135M-shapes")

    identity = served.identity
    assert is_right(answer, PICTURES[0])
    assert served.model == MODEL
    assert "SmolLM2-135M-shapes" in identity.aliases
    assert identity.vision is True
    assert identity.projector == "smol-shapes-mmproj.gguf"
    assert identity.projector_sha256 == packaged().sha256


@pytest.mark.long
def test_a_projector_that_llama_cpp_refuses_is_explained_with_its_log(tmp_path: Path) -> None:
    file = tmp_path / "broken.gguf"
    file.write_bytes(WEAK.read_bytes()[:5000])
    with (
        pytest.raises(HostApiError, match="ended with exit code") as caught,
        running(with_projector(file), pytest.fail, wait_s=60),
    ):
        pytest.fail("it serves a broken projector")

    assert "broken.gguf" in caught.value.message


def test_a_missing_projector_is_named_with_the_remedy() -> None:
    pin = packaged().model_copy(update={"file": "tasks/vlms/files/none.gguf"})

    with pytest.raises(ModelMissing, match=r"The projector .*none.gguf is missing") as caught:
        find_projector(pin)
    assert caught.value.remedy == "Install NOBS again."


def test_a_projector_of_a_missing_package_is_explained() -> None:
    with pytest.raises(ModelMissing, match="The projector is missing: no package no_such_one"):
        find_projector(packaged().model_copy(update={"package": "no_such_one"}))


def test_another_projector_than_the_pinned_one_is_refused() -> None:
    with pytest.raises(ModelMissing, match="is damaged: sha256 is "):
        find_projector(packaged().model_copy(update={"sha256": "0" * 64}))
