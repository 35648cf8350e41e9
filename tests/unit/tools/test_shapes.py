import numpy as np
import pytest

from tools.shapes import COLOURS, SHAPES, Shapes, choose_shapes, draw_shapes, mark_corners


def upright(shape: str, colour: str = "red") -> Shapes:
    """One shape in the middle of white paper."""
    middle, none = np.full(1, 0.5, np.float32), np.zeros(1, np.float32)
    return Shapes(
        colour=np.array([list(COLOURS).index(colour)]), shape=np.array([SHAPES.index(shape)]),
        x=middle, y=middle, radius=np.full(1, 0.3, np.float32), turn=none,
        tint=np.zeros((1, 3), np.float32), paper=np.ones((1, 3), np.float32),
    )  # fmt: skip


def share_of_ink(shape: str, side: int) -> float:
    return float((draw_shapes(upright(shape, "black"), side)[0, ..., 0] < 0.5).mean())


@pytest.mark.parametrize("side", [96, 448])
def test_shapes_have_their_areas_at_any_size(side: int) -> None:
    assert share_of_ink("circle", side) == pytest.approx(np.pi * 0.3**2, rel=0.05)
    assert share_of_ink("square", side) == pytest.approx((2 * 0.82 * 0.3) ** 2, rel=0.05)
    assert share_of_ink("triangle", side) == pytest.approx(3**1.5 / 4 * 0.3**2, rel=0.05)
    assert 0.05 < share_of_ink("star", side) < 0.15


@pytest.mark.parametrize("colour", COLOURS)
def test_the_middle_has_the_colour_and_the_corner_is_paper(colour: str) -> None:
    (picture,) = draw_shapes(upright("square", colour), 96)

    assert picture[48, 48] * 255 == pytest.approx(COLOURS[colour], abs=0.01)
    assert picture[0, 0] == pytest.approx((1, 1, 1))


def test_one_seed_makes_the_same_pictures_again() -> None:
    first, again, other = (
        draw_shapes(choose_shapes(np.random.default_rng(seed), 3), 32) for seed in (1, 1, 2)
    )

    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_only_a_corner_is_marked() -> None:
    pictures = np.ones((8, 96, 96, 3), np.float32)
    mark_corners(np.random.default_rng(3), pictures)
    changed = (pictures != 1).any(-1)

    assert changed.any((1, 2)).all()
    assert not changed[:, 5:-5].any()
    assert not changed[:, :, 5:-5].any()
