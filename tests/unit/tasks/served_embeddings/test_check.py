"""Checks that show wrong vectors, for models with and without stored ones."""

from array import array
from collections.abc import Sequence

import pytest

from nobs.catalog import load_catalog
from nobs.data.texts import load_texts
from nobs.tasks.served_embeddings.check import (
    StoredVectors,
    cosine,
    find_limit,
    find_suspicions,
    judge_base64,
    judge_related,
)
from nobs.tasks.served_embeddings.report import Base64Answer, StoredCheck, VectorCheck
from nobs.tasks.served_embeddings.texts import cut_texts, stored_texts
from nobs.tasks.served_embeddings.vectors import Answer, Fault, Vector

ROWS = load_texts(load_catalog().datasets["nobs/austen-passages"]).rows


def vector(*values: float) -> Vector:
    return array("d", values)


def check(**fields: object) -> VectorCheck:
    usual = {"dimension": 2, "vectors": 4, "lowest_norm": 1.0, "highest_norm": 1.0}
    return VectorCheck.model_validate(usual | fields)


def test_vectors_of_other_lengths_have_nothing_in_common() -> None:
    assert cosine(vector(1, 0), vector(2, 0)) == 1
    assert cosine(vector(1, 0), vector(0, 2)) == 0
    assert cosine(vector(1, 0), vector(1, 0, 0)) == 0


@pytest.mark.parametrize(
    ("beginnings", "right"),
    [
        ([vector(1, 0.1), vector(0.1, 1)], 2),
        ([vector(0.1, 1), vector(1, 0.1)], 0),
        # The same for every text: none is nearer.
        ([vector(1, 1), vector(1, 1)], 0),
    ],
)
def test_a_beginning_is_nearer_to_its_own_text(beginnings: list[Vector], right: int) -> None:
    assert judge_related([vector(1, 0), vector(0, 1)], beginnings) == right


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (Answer(vectors=(vector(1, 0),), is_base64=True), Base64Answer.SAME),
        (Answer(vectors=(vector(1, 0),)), Base64Answer.IGNORED),
        (Answer(vectors=(vector(0, 1),), is_base64=True), Base64Answer.DIFFERENT),
        (Answer(failure=Fault.NOT_NUMBERS), Base64Answer.DIFFERENT),
        (Answer(failure="http-status"), Base64Answer.REFUSED),  # type: ignore[arg-type]
    ],
)
def test_base64_is_compared_with_numbers(asked: Answer, expected: Base64Answer) -> None:
    assert judge_base64(asked, [vector(1, 0)]) is expected


@pytest.mark.parametrize(
    ("counts", "context", "expected"),
    [
        ([(100, 25), (200, 50), (300, 75)], 8192, (None, 0)),
        ([(100, 25), (200, 50), (300, 75)], 75, (75, 1)),
        ([(100, 25), (300, 64), (400, 64), (500, 64)], None, (64, 3)),
        # Texts that happen to be alike.
        ([(300, 75), (301, 75), (302, 75)], None, (None, 0)),
        ([], 512, (None, 0)),
    ],
)
def test_many_texts_with_the_same_highest_count_were_truncated(
    counts: Sequence[tuple[int, int]], context: int | None, expected: tuple[int | None, int]
) -> None:
    tokens = {"x" * length: count for length, count in counts}

    assert find_limit(tokens, context) == expected


def test_good_vectors_raise_no_suspicion() -> None:
    good = check(alone=16, lowest_alone_cosine=0.999, related=32, related_right=32)

    assert list(find_suspicions(good)) == []


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"wrong": {"not-finite": 2}}, "2 answers have wrong vectors (2 not-finite)"),
        ({"lowest_alone_cosine": 0.5}, "has cosine 0.5000 to that of the same text sent alone"),
        ({"lowest_alone_cosine": float("nan")}, "has cosine nan to that of the same text"),
        ({"related": 32, "related_right": 20}, "20 of 32 texts are nearer to their own beginning"),
        ({"base64": "different"}, "vectors in base64 differ from those as numbers"),
        (
            {"stored": {"model": "m", "expected": True, "rows": 3, "lowest_cosine": 0.5,
                        "threshold": 0.99}},
            "a vector has cosine 0.5000 to the stored one of m, at least 0.99 is needed",
        ),
    ],
)  # fmt: skip
def test_wrong_vectors_are_suspect(fields: dict[str, object], reason: str) -> None:
    (found,) = find_suspicions(check(**fields))

    assert reason in found


def test_another_model_than_the_stored_one_is_not_suspect() -> None:
    other = StoredCheck(model="m", expected=False, rows=3, lowest_cosine=0.1, threshold=0.99)

    assert list(find_suspicions(check(stored=other))) == []


def test_stored_vectors_are_found_by_their_text() -> None:
    texts = stored_texts(cut_texts(ROWS))
    stored = StoredVectors("sentence-transformers/all-MiniLM-L6-v2", 256, texts)
    stored.compare(texts[:2], [vector(*[1.0] * 384), vector(*[1.0] * 384)])
    found = stored.result(expected=True)

    assert found is not None
    assert found.rows == 2
    assert found.lowest_cosine is not None
    assert abs(found.lowest_cosine) < 0.5


def test_there_is_nothing_to_compare_for_other_models_and_texts() -> None:
    assert StoredVectors("another/model", 256, ["text"]).result(expected=True) is None
    text = StoredVectors("sentence-transformers/all-MiniLM-L6-v2", 256, ["another text"])

    assert text.result(expected=True) is None
