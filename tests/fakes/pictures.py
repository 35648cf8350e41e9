"""Pictures with one colour, which a scripted server can see."""

import struct
from pathlib import Path
from zlib import compress, crc32

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


def save_deep(path: Path, size: tuple[int, int]) -> None:
    """Save an orange PNG with 16 bits per channel, which Pillow can't write; (255, 51, 0) in 8."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", crc32(kind + data))

    width, height = size
    row = b"\0" + struct.pack(">3H", 65535, 51 * 256 + 200, 0) * width
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">2I5B", width, height, 16, 2, 0, 0, 0))
        + chunk(b"IDAT", compress(row * height))
        + chunk(b"IEND", b"")
    )


def pictures(*sides: int) -> tuple[Picture, ...]:
    return tuple(picture(colour, side) for side in sides or (64,) for colour in COLOURS)
