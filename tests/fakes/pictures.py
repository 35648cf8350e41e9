"""Pictures with one colour, which a scripted server can see."""

from PIL import Image

from nobs.tasks.vlms.pictures import Picture, pixel_digest

COLOURS = {
    "red": (220, 20, 20), "green": (20, 160, 20), "blue": (20, 20, 220), "yellow": (230, 220, 20),
    "white": (250, 250, 250), "black": (5, 5, 5), "orange": (240, 140, 20),
    "purple": (130, 20, 140),
}  # fmt: skip


def picture(colour: str, side: int = 64) -> Picture:
    image = Image.new("RGB", (side, side), COLOURS[colour])
    return Picture(
        name=colour, image=image, sha256=pixel_digest(image), question="Which colour is it?",
        answers=(colour,), wrong=tuple(other for other in COLOURS if other != colour),
        open_question=f"Describe the {len(colour)}th picture in detail.",
    )  # fmt: skip


def pictures(*sides: int) -> tuple[Picture, ...]:
    return tuple(picture(colour, side) for side in sides or (64,) for colour in COLOURS)
