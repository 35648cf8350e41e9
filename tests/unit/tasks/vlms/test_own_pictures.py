import os
from pathlib import Path

import pytest
from PIL import Image, TiffImagePlugin

from nobs.errors import DataError
from nobs.tasks.vlms.own_pictures import read_image, read_images
from tests.fakes.pictures import save_deep

RED, WHITE = (255, 0, 0), (255, 255, 255)


def picture(
    mode: str = "RGB", colour: object = "red", size: tuple[int, int] = (40, 60)
) -> Image.Image:
    return Image.new(mode, size, colour)  # type: ignore[arg-type]


def corners(image: Image.Image) -> tuple[object, object]:
    return image.getpixel((0, 0)), image.getpixel((image.width - 1, image.height - 1))


def refusal(directory: Path) -> str:
    with pytest.raises(DataError) as caught:
        read_images(directory)
    assert "Save each as one PNG or JPEG image" in caught.value.remedy
    return caught.value.message


def test_images_come_by_name_whatever_their_ending(tmp_path: Path) -> None:
    picture().save(tmp_path / "b.png")
    picture(colour="white").save(tmp_path / "a.bmp")
    picture().save(tmp_path / "c.jpg", "PNG")

    found = read_images(tmp_path)

    assert [name for name, _ in found] == ["a.bmp", "b.png", "c.jpg"]
    assert [corners(image) for _, image in found] == [(WHITE,) * 2, (RED,) * 2, (RED,) * 2]


def test_only_the_first_images_are_read(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        picture().save(tmp_path / name)
    (tmp_path / "c.png").write_bytes(b"broken")

    assert [name for name, _ in read_images(tmp_path, 2)] == ["a.png", "b.png"]


def test_hidden_files_and_directories_are_left_out(tmp_path: Path) -> None:
    picture().save(tmp_path / "a.png")
    for name in (".DS_Store", "Thumbs.db"):
        (tmp_path / name).write_bytes(b"nothing")
    (tmp_path / "more.png").mkdir()

    assert [name for name, _ in read_images(tmp_path)] == ["a.png"]


def test_a_photo_is_turned_as_its_camera_says(tmp_path: Path) -> None:
    lying = picture(size=(60, 40))
    lying.paste("blue", (0, 0, 30, 40))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise
    lying.save(tmp_path / "photo.png", exif=exif)

    ((_, image),) = read_images(tmp_path)

    assert image.size == (40, 60)
    assert corners(image) == ((0, 0, 255), RED)


@pytest.mark.parametrize(
    ("image", "file", "wanted"),
    [
        (picture("CMYK", (0, 255, 255, 0)), "cmyk.tif", RED),
        (picture("CMYK", (0, 0, 0, 0)), "cmyk.jpg", WHITE),
        (picture("L", 51), "grey.png", (51, 51, 51)),
        (picture("I;16", 51 * 256 + 200), "grey-16.png", (51, 51, 51)),
        (picture("I;16", 65535), "white-16.tif", WHITE),
        (picture("1", 1), "two-colours.png", WHITE),
        (picture("RGBA", (255, 0, 0, 255)), "opaque.png", RED),
        (picture("RGBA", (255, 0, 0, 0)), "clear.png", WHITE),
        (picture("RGBA", (0, 0, 0, 51)), "pale.png", (204, 204, 204)),
        (picture("LA", (0, 0)), "clear-grey.png", WHITE),
        (picture().quantize(4), "palette.png", RED),
        (picture().quantize(4), "one-frame.gif", RED),
        (picture(), "photo.webp", None),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_every_kind_of_pixels_becomes_rgb(
    tmp_path: Path, image: Image.Image, file: str, wanted: tuple[int, int, int] | None
) -> None:
    image.save(tmp_path / file)

    found = read_image(tmp_path / file)

    assert (found.mode, found.size) == ("RGB", (40, 60))
    assert wanted is None or corners(found) == (wanted, wanted)


def test_colours_of_16_bits_keep_their_high_byte(tmp_path: Path) -> None:
    save_deep(tmp_path / "deep.png", (40, 60))

    assert corners(read_image(tmp_path / "deep.png")) == ((255, 51, 0),) * 2


def test_a_transparent_colour_of_a_palette_is_white(tmp_path: Path) -> None:
    palette = picture().quantize(4)
    palette.save(tmp_path / "clear.png", transparency=palette.getpixel((0, 0)))

    assert corners(read_image(tmp_path / "clear.png")) == (WHITE, WHITE)


@pytest.mark.parametrize("file", ["moving.gif", "moving.png", "moving.webp", "pages.tif"])
def test_an_animation_is_refused_with_its_number_of_frames(tmp_path: Path, file: str) -> None:
    picture().save(tmp_path / file, save_all=True, append_images=[picture(colour="blue")])

    assert f"'{file}' has 2 frames or pages, so that it isn't one picture" in refusal(tmp_path)


def test_a_phones_preview_is_no_second_picture(tmp_path: Path) -> None:
    picture(colour="red").save(
        tmp_path / "phone.jpg", "MPO", save_all=True, append_images=[picture(colour="blue")]
    )

    ((_, image),) = read_images(tmp_path)

    assert image.getpixel((5, 5)) == (254, 0, 0)


@pytest.mark.parametrize(
    ("name", "content"),
    [("notes.txt", b"To do"), ("page.png", b"<html>"), ("empty.jpg", b""), ("film.mp4", bytes(64))],
)
def test_what_is_no_image_is_named(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)

    assert f"{name!r} is none of PNG, JPEG" in refusal(tmp_path)


@pytest.mark.parametrize("kind", ["png", "jpg", "webp", "tif", "gif", "bmp"])
def test_half_a_file_is_refused(tmp_path: Path, kind: str) -> None:
    noise = Image.effect_noise((64, 64), 90).convert("P" if kind == "gif" else "RGB")
    noise.save(tmp_path / f"whole.{kind}")
    whole = (tmp_path / f"whole.{kind}").read_bytes()
    (tmp_path / f"whole.{kind}").write_bytes(whole[: len(whole) // 2])

    assert f"'whole.{kind}' " in refusal(tmp_path)


@pytest.mark.parametrize("size", [(31, 400), (400, 1)])
def test_an_image_smaller_than_a_patch_is_refused(tmp_path: Path, size: tuple[int, int]) -> None:
    picture(size=size).save(tmp_path / "small.png")

    assert f"is {size[0]}x{size[1]} pixels, smaller than 32x32" in refusal(tmp_path)


@pytest.mark.parametrize("size", [(7100, 7100), (16_385, 32)])
def test_an_image_that_is_too_large_is_refused_unread(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    picture("1", 0, size).save(tmp_path / "large.png")

    assert f"is {size[0]}x{size[1]} pixels; at most 50,000,000 pixels" in refusal(tmp_path)


def test_a_bomb_is_refused_by_its_header(tmp_path: Path) -> None:
    picture("1", 0, (20_000, 20_000)).save(tmp_path / "bomb.png")

    assert "'bomb.png' has more than 50,000,000 pixels" in refusal(tmp_path)


def test_pixels_without_a_known_range_are_refused(tmp_path: Path) -> None:
    picture("F", 1e6).save(tmp_path / "heights.tif")

    assert "'heights.tif' has pixels of the kind F" in refusal(tmp_path)


def test_odd_metadata_is_no_error(tmp_path: Path) -> None:
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[270] = "a description"
    picture().save(tmp_path / "odd.tif", tiffinfo=tags)

    assert corners(read_image(tmp_path / "odd.tif")) == (RED, RED)


def test_all_bad_files_are_counted_and_the_first_named(tmp_path: Path) -> None:
    picture().save(tmp_path / "good.png")
    for number in range(5):
        (tmp_path / f"bad-{number}.png").write_bytes(b"bad")

    message = refusal(tmp_path)

    assert message.count("is none of") == 3
    assert message.endswith("; and 2 more.")


def test_what_is_no_file_is_refused_without_waiting_for_it(tmp_path: Path) -> None:
    (tmp_path / "gone.png").symlink_to(tmp_path / "nowhere.png")
    os.mkfifo(tmp_path / "pipe.png")

    assert refusal(tmp_path).count("isn't a file") == 2


def test_an_empty_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has no images") as caught:
        read_images(tmp_path)
    assert "Put images into it: PNG, JPEG" in caught.value.remedy


@pytest.mark.parametrize("name", ["nowhere", "file.png"])
def test_a_missing_directory_is_named(tmp_path: Path, name: str) -> None:
    picture().save(tmp_path / "file.png")

    with pytest.raises(DataError, match=f"There is no directory .*{name}"):
        read_images(tmp_path / name)


@pytest.mark.skipif(getattr(os, "geteuid", int)() == 0, reason="root reads every file")
def test_a_file_that_may_not_be_read_is_named(tmp_path: Path) -> None:
    picture().save(tmp_path / "private.png")
    (tmp_path / "private.png").chmod(0)

    assert "'private.png' can't be read: Permission denied" in refusal(tmp_path)
