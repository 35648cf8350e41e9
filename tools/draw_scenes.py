"""Two photo-like scenes by formula: balls on a chequered floor, a balloon above a lake."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

type Floats = NDArray[np.float64]
type Scene = Callable[[Floats, Floats], Floats]
"""(x, y) in 0..1 from the upper left corner -> (..., 3) RGB in 0..1."""

_SUN = np.array([-0.5, 0.75, -0.45]) / np.linalg.norm([-0.5, 0.75, -0.45])
_BALLS = (
    # Centre, radius, colour: the green one is by far the largest.
    ((0.35, 0.95, 4.6), 0.95, (0.10, 0.55, 0.20)),
    ((-1.15, 0.42, 3.6), 0.42, (0.80, 0.10, 0.10)),
    ((0.95, 0.33, 2.9), 0.33, (0.15, 0.25, 0.85)),
    ((-0.25, 0.25, 2.7), 0.25, (0.90, 0.80, 0.10)),
)
_EYE = np.array([0.0, 1.0, 0.0])


def draw_scene(scene: Scene, side: int, samples: int = 2) -> NDArray[np.uint8]:
    """Return (side, side, 3), each pixel the mean of `samples` squared points within it."""
    total = np.zeros((side, side, 3))
    for down in range(samples):
        for right in range(samples):
            y, x = np.meshgrid(
                (np.arange(side) + (down + 0.5) / samples) / side,
                (np.arange(side) + (right + 0.5) / samples) / side,
                indexing="ij",
            )
            total += scene(x, y)
    return np.round(np.clip(total / samples**2, 0, 1) * 255).astype(np.uint8)


def balls(x: Floats, y: Floats) -> Floats:
    """Trace one ray per point: nearest ball, else floor or sky; one sun with shadows."""
    ray = np.stack([x - 0.5, 0.42 - y, np.ones_like(x)], -1)
    ray /= np.linalg.norm(ray, axis=-1, keepdims=True)
    colour = _sky(ray)
    nearest = np.full(x.shape, np.inf)
    to_floor = np.where(ray[..., 1] < -1e-3, -_EYE[1] / np.minimum(ray[..., 1], -1e-3), np.inf)
    is_floor = to_floor < 40
    points = _EYE + ray * np.where(is_floor, to_floor, 0)[..., None]
    floor = _floor(points) * _light(points, np.array([0.0, 1.0, 0.0]))
    haze = np.exp(-np.where(is_floor, to_floor, 0) / 14)[..., None]
    colour = np.where(is_floor[..., None], floor * haze + colour * (1 - haze), colour)
    for centre, radius, own in _BALLS:
        distance = _hit(_EYE, ray, np.array(centre), radius)
        is_seen = distance < np.minimum(nearest, np.inf)
        nearest = np.where(is_seen, distance, nearest)
        points = _EYE + ray * np.where(is_seen, distance, 0)[..., None]
        normal = (points - np.array(centre)) / radius
        shine = np.clip((_mirror(ray, normal) * _SUN).sum(-1, keepdims=True), 0, 1) ** 60
        shaded = np.array(own) * _light(points, normal) + 0.7 * shine
        colour = np.where(is_seen[..., None], shaded, colour)
    return colour


def _sky(ray: Floats) -> Floats:
    height = np.clip(ray[..., 1:2] * 2.2, 0, 1)
    return (1 - height) * np.array([0.80, 0.88, 0.95]) + height * np.array([0.30, 0.52, 0.85])


def _floor(points: Floats) -> Floats:
    is_dark = (np.floor(points[..., 0]) + np.floor(points[..., 2])) % 2 == 0
    return np.where(is_dark[..., None], np.array([0.42, 0.36, 0.32]), np.array([0.85, 0.82, 0.78]))


def _light(points: Floats, normal: Floats) -> Floats:
    """Return the share of light at `points`: the sky's, and the sun's where no ball is between."""
    free = np.ones(points.shape[:-1])
    for centre, radius, _ in _BALLS:
        offset = points - np.array(centre)
        along = -(offset * _SUN).sum(-1)
        miss = np.sqrt(np.maximum((offset**2).sum(-1) - along**2, 0))
        # A soft edge, as of a sun that isn't a point.
        shade = np.clip((miss - radius) / 0.12 + 0.5, 0, 1)
        outside = np.sqrt((offset**2).sum(-1)) > radius * 1.01
        free = np.where((along > 0) & outside, np.minimum(free, shade), free)
    return (0.35 + 0.75 * np.clip((normal * _SUN).sum(-1), 0, 1) * free)[..., None]


def _mirror(ray: Floats, normal: Floats) -> Floats:
    return ray - 2 * (ray * normal).sum(-1, keepdims=True) * normal


def _hit(origin: Floats, ray: Floats, centre: Floats, radius: float) -> Floats:
    """Return the distance along each ray to the ball, infinite where it misses."""
    half = (ray * (origin - centre)).sum(-1)
    root = half**2 - (((origin - centre) ** 2).sum() - radius**2)
    return np.where(root > 0, -half - np.sqrt(np.maximum(root, 0)), np.inf)


def lake(x: Floats, y: Floats) -> Floats:
    """Paint a balloon over mountains in evening light; the lake mirrors mountains and sky."""
    shore = 0.72
    is_water = y > shore
    ripple = 0.004 * np.sin(y * 260) * np.clip((y - shore) * 6, 0, 1)
    land = _land(x + np.where(is_water, ripple, 0), np.where(is_water, 2 * shore - y, y))
    water = land * np.array([0.62, 0.70, 0.78]) + np.array([0.02, 0.05, 0.09])
    colour = np.where(is_water[..., None], water, land)
    return _balloon(colour, x, y)


def _land(x: Floats, y: Floats) -> Floats:
    height = np.clip(y / 0.72, 0, 1)[..., None]
    low, high = np.array([0.99, 0.80, 0.58]), np.array([0.33, 0.50, 0.78])
    colour = high + (low - high) * height**1.3
    ridges = (
        # Height of the ridge, size, phase, colour: the nearer, the lower and darker.
        (0.46, 0.13, 0.4, (0.62, 0.60, 0.70)),
        (0.57, 0.10, 2.1, (0.40, 0.43, 0.55)),
        (0.66, 0.05, 4.4, (0.16, 0.26, 0.24)),
    )
    for top, size, phase, own in ridges:
        rough = sum(np.sin(x * 3.1 * 2.07**k + phase * (k + 1)) / 1.9**k for k in range(6))
        edge = top - size * 0.55 * rough
        mist = np.clip((y - edge) / 0.3, 0, 1)[..., None] * 0.5
        body = np.array(own) * (1 - mist) + np.array([0.86, 0.74, 0.68]) * mist
        colour = np.where((y > edge)[..., None], body, colour)
    return colour


def _balloon(colour: Floats, x: Floats, y: Floats) -> Floats:
    middle_x, middle_y, radius = 0.62, 0.25, 0.15
    right, down = (x - middle_x) / radius, (y - middle_y) / radius
    # The envelope narrows downwards to its mouth.
    width = np.where(down < 0, np.sqrt(np.maximum(1 - down**2, 0)), np.cos(np.clip(down, 0, 1.35)))
    is_envelope = (np.abs(right) < width) & (down > -1) & (down < 1.32)
    across = np.clip(right / np.maximum(width, 1e-6), -1, 1)
    is_stripe = np.floor((np.arcsin(across) / np.pi + 0.5) * 8) % 2 == 0
    cloth = np.where(
        is_stripe[..., None], np.array([0.86, 0.16, 0.12]), np.array([0.98, 0.86, 0.32])
    )
    light = 0.55 + 0.5 * np.sqrt(np.maximum(1 - (across + 0.45) ** 2 / 2.2, 0))
    colour = np.where(is_envelope[..., None], cloth * light[..., None], colour)
    is_rope = (
        (np.abs(np.abs(right) - (0.22 - 0.06 * (down - 1.3))) < 0.015)
        & (down > 1.3)
        & (down < 1.75)
    )
    is_basket = (np.abs(right) < 0.19) & (down > 1.72) & (down < 2.0)
    return np.where((is_rope | is_basket)[..., None], np.array([0.32, 0.20, 0.10]), colour)
