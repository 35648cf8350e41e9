"""`nobs run --task vlms --pictures DIR` as a person runs it, against a scripted server."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.fakes.command import run_nobs
from tests.fakes.llm_answers import MODEL, whole_server
from tests.fakes.llm_server import ScriptedServer, serving
from tests.fakes.pictures import pictures, save_deep
from tests.fakes.vision_server import VisionServer, decode

COMMAND = ("run", "--task", "vlms", "--profile", "quick", "--execution", "native",
           "--backend", "cpu", "--repeats", "3", "--llm-model", MODEL)  # fmt: skip
WIDTH = 80


def run(server: ScriptedServer, home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return run_nobs(*COMMAND, "--llm-url", server.url, *words, cwd=home)


def folder_of(home: Path) -> Path:
    folder = home / "photos"
    folder.mkdir()
    return folder


def save_plain(folder: Path) -> None:
    """Save a picture of each colour."""
    for picture in pictures():
        picture.image.save(folder / f"{picture.name}.png")


def save_lying(path: Path) -> None:
    """Save a photo that its camera says to turn clockwise: blue comes to the top."""
    lying = Image.new("RGB", (96, 64), "red")
    lying.paste("blue", (0, 0, 48, 64))
    exif = Image.Exif()
    exif[0x0112] = 6
    lying.save(path, exif=exif)


def sent_to(server: ScriptedServer) -> list[Image.Image]:
    """Return the pictures of all chats in order."""
    chats = (asked.values for asked in server.log if asked.path.endswith("completions"))
    contents = (chat["messages"][-1]["content"] for chat in chats)
    parts = (part for content in contents if isinstance(content, list) for part in content)
    return [decode(part["image_url"]["url"]) for part in parts if part["type"] == "image_url"]


def model_in(report: dict[str, Any]) -> dict[str, Any]:
    (model,) = report["tasks"][0]["models"].values()
    found: dict[str, Any] = model
    return found


def test_pictures_of_every_kind_are_sent_as_a_viewer_shows_them(tmp_path: Path) -> None:
    folder = folder_of(tmp_path)
    Image.new("CMYK", (64, 64), (0, 0, 0, 0)).save(folder / "a-cmyk.jpg")
    save_deep(folder / "b-deep.png", (64, 64))
    save_lying(folder / "c-lying.png")
    with serving(whole_server(VisionServer())) as server:
        done = run(server, tmp_path, "--pictures", str(folder), "--json")

    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    requests = model_in(report)["all_runs"][0]["prompts"]
    assert [(each["picture"], each["width"], each["height"]) for each in requests] == [
        ("a-cmyk.jpg", 64, 64), ("b-deep.png", 64, 64), ("c-lying.png", 64, 96),
    ]  # fmt: skip
    seen = {(image.size, image.getpixel((0, 0))) for image in sent_to(server)}
    assert seen == {
        ((64, 64), (255, 255, 255)), ((64, 64), (255, 51, 0)), ((64, 96), (0, 0, 255)),
    }  # fmt: skip
    assert report["tasks"][0]["workload"]["division"] == "open"


@pytest.mark.long
def test_files_that_are_no_pictures_are_named_with_the_reason(tmp_path: Path) -> None:
    folder = folder_of(tmp_path)
    save_plain(folder)
    first, second = (Image.new("RGB", (64, 64), colour) for colour in ("red", "blue"))
    first.save(folder / "a-moving.gif", save_all=True, append_images=[second])
    (folder / "b-broken.png").write_bytes((folder / "red.png").read_bytes()[:90])
    (folder / "c-notes.txt").write_bytes(b"To do")
    (folder / "d-more.txt").write_bytes(b"Done")
    with serving(whole_server(VisionServer())) as server:
        done = run(server, tmp_path, "--pictures", str(folder))

    said = " ".join(done.stdout.split())
    assert done.returncode == 3, done.stderr
    assert "'a-moving.gif' has 2 frames or pages, so that it isn't one picture" in said
    assert "'b-broken.png' can't be read" in said
    assert "'c-notes.txt' is none of PNG, JPEG" in said
    assert "and 1 more" in said
    assert "Save each as one PNG or JPEG image, or move it to another directory." in said
    assert sent_to(server) == []


NO_VISION = {"error": {"message": "image input is not supported - hint: if this is unexpected, you "
                       "may need to provide the mmproj"}}  # fmt: skip
ENDINGS = {
    "refuses images": (VisionServer(refusal=NO_VISION), 4, "The loaded model takes no images."),
    "refuses large ones": (VisionServer(limit_bytes=500), 4, "send smaller images with --max-side"),
    "cuts answers": (VisionServer(cuts=True), 4, "failed (cut "),
    "counts no images": (VisionServer(counts_images=False), 0, "counts no tokens for images"),
    "caches": (VisionServer(caches=True), 0, "cache: "),
}


@pytest.mark.long
@pytest.mark.parametrize(("answer", "code", "words"), ENDINGS.values(), ids=ENDINGS)
def test_a_run_says_what_the_server_did_with_its_images(
    answer: VisionServer, code: int, words: str, tmp_path: Path
) -> None:
    save_plain(folder_of(tmp_path))
    with serving(whole_server(answer)) as server:
        done = run(server, tmp_path, "--pictures", "photos")

    assert words in " ".join(done.stdout.split()), done.stdout + done.stderr
    assert done.returncode == code
    assert max(map(len, done.stdout.splitlines())) <= WIDTH


@pytest.mark.long
def test_a_run_at_a_server_that_ignores_images_has_failed(tmp_path: Path) -> None:
    with serving(whole_server(VisionServer(text_only=True))) as server:
        done = run(server, tmp_path)

    assert done.returncode == 1, done.stdout
    assert "output_suspect: 0 of 12 questions" in " ".join(done.stdout.split())
