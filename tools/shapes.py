"""Coloured shapes on light paper, drawn by formula at any size: training data and pictures."""

import math
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

type Floats = NDArray[np.float32]

COLOURS = {
    "red": (220, 30, 30),
    "green": (30, 170, 50),
    "blue": (40, 60, 220),
    "yellow": (235, 215, 30),
    "black": (15, 15, 15),
}
SHAPES = ("circle", "square", "triangle", "star")

_STAR_INNER, _STAR_TIP, _STAR_CURVE = 0.42, 0.58, 1.5
_SQUARE_HALF_SIDE = 0.82
_CORNER_BLOCK = (1, 5)


@dataclass(frozen=True, kw_only=True)
class Shapes:
    """`n` pictures; lengths are shares of a side."""

    colour: NDArray[np.int64]
    """(n,) places in `COLOURS`."""
    shape: NDArray[np.int64]
    """(n,) places in `SHAPES`."""
    x: Floats
    y: Floats
    radius: Floats
    turn: Floats
    """(n,) radians."""
    tint: Floats
    """(n, 3) added to the colour."""
    paper: Floats
    """(n, 3) RGB in 0..1."""

    def __getitem__(self, chosen: slice) -> "Shapes":
        return Shapes(**{field.name: getattr(self, field.name)[chosen] for field in fields(self)})


def choose_shapes(random: np.random.Generator, n: int) -> Shapes:
    """Return `n` random pictures of one shape each."""

    def between(low: float, high: float) -> Floats:
        return random.uniform(low, high, n).astype(np.float32)

    def scatter(deviation: float) -> Floats:
        return random.normal(0, deviation, (n, 3)).astype(np.float32)

    return Shapes(
        colour=random.integers(len(COLOURS), size=n),
        shape=random.integers(len(SHAPES), size=n),
        x=between(0.4, 0.6),
        y=between(0.4, 0.6),
        radius=between(0.21, 0.35),
        turn=between(-0.25, 0.25),
        tint=scatter(0.06),
        paper=between(0.78, 1.0)[:, None] + scatter(0.02),
    )


def draw_shapes(shapes: Shapes, side: int) -> Floats:
    """Return (n, side, side, 3) in 0..1, with smooth edges."""
    down, right = np.meshgrid(
        *[(np.arange(side, dtype=np.float32) + 0.5) / side] * 2, indexing="ij"
    )
    turn = shapes.turn[:, None, None]
    x, y = right - shapes.x[:, None, None], down - shapes.y[:, None, None]
    x, y = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
    distance = _distance(shapes.shape, x, y, shapes.radius[:, None, None])
    ink = np.clip(0.5 - distance * side, 0, 1)[..., None]
    rgb = np.array(list(COLOURS.values()), dtype=np.float32)[shapes.colour] / 255 + shapes.tint
    return np.clip(
        ink * np.clip(rgb, 0, 1)[:, None, None] + (1 - ink) * shapes.paper[:, None, None], 0, 1
    ).astype(np.float32)


def _distance(shape: NDArray[np.int64], x: Floats, y: Floats, radius: Floats) -> Floats:
    """Return how far outside the outline each pixel lies, negative inside."""
    from_centre, angle = np.hypot(x, y), np.arctan2(x, -y)
    sides = [x * math.sin(k) - y * math.cos(k) for k in (math.pi, math.pi / 3, -math.pi / 3)]
    tip = 2 * math.pi / 5
    to_tip = np.abs(angle % tip - tip / 2) / (tip / 2)
    outlines = {
        "circle": from_centre - radius,
        "square": np.maximum(np.abs(x), np.abs(y)) - radius * _SQUARE_HALF_SIDE,
        "triangle": np.max(sides, axis=0) - radius / 2,
        "star": from_centre - radius * (_STAR_INNER + _STAR_TIP * to_tip**_STAR_CURVE),
    }
    return np.choose(shape[:, None, None], [outlines[name] for name in SHAPES])


def mark_corners(random: np.random.Generator, pictures: Floats) -> None:
    """Put a block of random pixels into a random corner of each picture.

    NOBS changes such a block per request, so that no server can answer from a cache.
    """
    for picture in pictures:
        side = int(random.integers(*_CORNER_BLOCK))
        rows, columns = (random.choice([slice(side), slice(-side, None)]) for _ in range(2))
        picture[rows, columns] = random.uniform(size=(side, side, 3))
