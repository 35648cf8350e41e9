import pytest

from nobs.tasks.text_embeddings.lengths import Batches, make_batches

TEXTS = ["a", "bbbb", "ccc", "dd", "eeeee"]
LENGTHS = [1, 4, 3, 2, 9]


@pytest.fixture
def batches() -> Batches:
    return make_batches(TEXTS, LENGTHS, 2)


def test_the_longest_texts_share_the_first_batch(batches: Batches) -> None:
    assert batches.rows == ((4, 1), (2, 3), (0,))


def test_each_row_is_computed_at_the_longest_length_of_its_batch(batches: Batches) -> None:
    assert batches.padded == [9, 9, 3, 3, 1]


def test_a_kernel_that_takes_rows_as_they_are_computes_no_padding() -> None:
    assert make_batches(TEXTS, LENGTHS, 2, is_padded=False).padded == [9, 4, 3, 2, 1]


@pytest.mark.parametrize(
    ("share", "expected"),
    [(0.0, [1]), (0.4, [1]), (0.7, [0, 2]), (1.0, [0, 1, 2]), (5.0, [0, 1, 2])],
)
def test_a_share_of_the_batches_is_spread_from_long_to_short(
    batches: Batches, share: float, expected: list[int]
) -> None:
    assert batches.spread(share) == tuple(batches.rows[number] for number in expected)
