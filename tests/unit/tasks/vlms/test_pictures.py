from functools import cache
from pathlib import Path

import pytest
from PIL import Image

from nobs.catalog import load_catalog
from nobs.errors import DataError
from nobs.schema.pins import DatasetPin
from nobs.tasks.vlms import pictures
from nobs.tasks.vlms.answers import is_right
from nobs.tasks.vlms.pictures import FILES, Picture, PicturesEvidence, load_pictures, pixel_digest

STANDARD, QUICK = (
    load_catalog().datasets[name] for name in ("nobs/pictures", "nobs/drawn-pictures")
)


@cache
def loaded(pin: DatasetPin) -> tuple[Picture, ...]:
    return load_pictures(pin).rows


def test_the_pinned_pictures_are_eight_at_three_sizes() -> None:
    rows = loaded(STANDARD)
    names = [picture.name for picture in rows[:8]]

    assert len(set(names)) == 8
    assert [picture.name for picture in rows] == names * 3
    sides = [side for side in (448, 896, 1344) for _ in names]
    assert [picture.image.size for picture in rows] == [(side, side) for side in sides]
    assert {picture.image.mode for picture in rows} == {"RGB"}


def test_the_quick_pictures_have_every_colour_and_shape() -> None:
    words = [picture.answers[0].split() for picture in loaded(QUICK)]

    assert {colour for colour, _ in words} == {"red", "green", "blue", "yellow", "black"}
    assert {shape for _, shape in words} == {"circle", "square", "triangle", "star"}


@pytest.mark.parametrize("pin", [STANDARD, QUICK], ids=lambda pin: pin.id)
def test_pixels_and_questions_are_the_pinned_ones(pin: DatasetPin) -> None:
    evidence = load_pictures(pin).evidence

    assert isinstance(evidence, PicturesEvidence)
    assert evidence.rows_verified
    assert evidence.file_verified
    assert evidence.pixels == sum(p.image.width * p.image.height for p in loaded(pin))


@pytest.mark.parametrize(
    "picture", [*loaded(STANDARD)[:8], *loaded(QUICK)], ids=lambda picture: picture.name
)
def test_a_question_has_one_sure_answer(picture: Picture) -> None:
    assert all(is_right(answer, picture) for answer in picture.answers)
    assert not any(is_right(f"{picture.answers[0]}, {word}", picture) for word in picture.wrong)
    assert not any(is_right(word, picture) for word in picture.wrong)
    assert "" not in (picture.question, picture.open_question)


def test_all_pictures_together_are_small() -> None:
    assert sum(path.stat().st_size for path in FILES.glob("*.png")) < 3_000_000


def test_every_picture_has_a_thumbnail() -> None:
    for name in {picture.name for picture in (*loaded(STANDARD), *loaded(QUICK))}:
        path = FILES / f"{name}-thumb.png"
        assert path.stat().st_size <= 20_000
        with Image.open(path) as thumbnail:
            assert thumbnail.size == (96, 96)


def test_the_digest_is_of_size_and_pixels() -> None:
    wide, high = Image.new("RGB", (4, 1)), Image.new("RGB", (1, 4))
    other = wide.copy()
    other.putpixel((3, 0), (0, 0, 1))

    assert len({pixel_digest(image) for image in (wide, high, other)}) == 3
    assert pixel_digest(Image.new("RGB", (4, 1))) == pixel_digest(wide)
    with pytest.raises(ValueError, match="not L"):
        pixel_digest(Image.new("L", (4, 1)))


def test_fewer_rows_are_the_first_pictures() -> None:
    fewer = STANDARD.model_copy(update={"rows": 3, "rows_sha256": ""})

    assert [p.name for p in loaded(fewer)] == [p.name for p in loaded(STANDARD)[:3]]
    assert not load_pictures(fewer).evidence.rows_verified


def test_more_rows_than_there_are_pictures_are_refused() -> None:
    with pytest.raises(DataError, match="has 24 pictures; 25 were requested"):
        load_pictures(STANDARD.model_copy(update={"rows": 25, "rows_sha256": ""}))


def test_other_questions_than_the_pinned_ones_are_refused() -> None:
    with pytest.raises(DataError, match="pictures and questions of nobs/pictures have sha256"):
        load_pictures(STANDARD.model_copy(update={"rows_sha256": "0" * 64}))


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for path in (FILES / "drawn-pictures.jsonl", *FILES.glob("*-448.png")):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    monkeypatch.setattr(pictures, "FILES", tmp_path)
    return tmp_path


def test_one_changed_pixel_is_noticed(copied: Path) -> None:
    file = copied / "red-circle-448.png"
    with Image.open(file) as image:
        image.load()
    image.putpixel((0, 0), (1, 2, 3))
    image.save(file)

    with pytest.raises(DataError, match=r"The pixels of .*red-circle-448.png have sha256") as error:
        load_pictures(QUICK)
    assert error.value.remedy == "Install NOBS again."


def test_the_same_pixels_in_another_file_are_the_same_picture(copied: Path) -> None:
    file = copied / "red-circle-448.png"
    with Image.open(file) as image:
        image.load()
    before = file.read_bytes()
    image.save(file, compress_level=1)

    assert file.read_bytes() != before
    assert load_pictures(QUICK).evidence.rows_verified


@pytest.mark.parametrize("content", [b"", b"no picture", b"\x89PNG\r\n\x1a\n"])
def test_a_broken_file_is_named(copied: Path, content: bytes) -> None:
    (copied / "red-circle-448.png").write_bytes(content)

    with pytest.raises(DataError, match=r"red-circle-448.png can't be read"):
        load_pictures(QUICK)


def test_a_missing_list_is_named(copied: Path) -> None:
    (copied / "drawn-pictures.jsonl").unlink()

    with pytest.raises(DataError, match=r"drawn-pictures.jsonl is missing"):
        load_pictures(QUICK)
