"""Texts of requests are all different, natural, and the same in every run."""

from hashlib import sha256

from nobs.catalog import load_catalog
from nobs.data.texts import load_texts
from nobs.tasks.served_embeddings.params import ServedEmbeddingsParams
from nobs.tasks.served_embeddings.texts import MOST, SHORTEST, cut_texts, related_part
from nobs.tasks.text_embeddings.references import load_references

ROWS = load_texts(load_catalog().datasets["nobs/austen-passages"]).rows


def test_a_repeat_of_every_published_workload_has_no_text_twice() -> None:
    texts = cut_texts(ROWS)
    for workload in load_catalog().workloads.values():
        if workload.task == "embeddings-served":
            params = ServedEmbeddingsParams.model_validate(workload.params.model_dump())
            rows = sum(load.inputs * load.requests for load in params.loads())

            assert rows <= len(texts) == len(set(texts))


def test_texts_are_sentences_of_their_row_within_the_limits() -> None:
    texts = cut_texts(ROWS)

    assert all(SHORTEST <= len(text) <= MOST for text in texts)
    assert all(any(text in " ".join(row.split()) for row in ROWS) for text in texts[::100])


def test_neighbours_are_of_different_rows() -> None:
    rows = [f"Row {row} has a first long sentence that goes on and on until it is long enough to "
            f"count. Row {row} has a second one, which is as long as the first sentence was before "
            "it, or a little longer than that." for row in range(3)]  # fmt: skip
    texts = cut_texts(rows)

    assert [text[:5] for text in texts] == ["Row 0", "Row 1", "Row 2"] * 2


def test_a_row_without_sentences_is_a_text() -> None:
    assert cut_texts(["short", "x" * 2000]) == ("short", "x" * MOST)


def test_the_related_part_is_the_beginning() -> None:
    assert related_part("one two three") == "one two"
    assert related_part("one") == "one"


def test_stored_vectors_are_those_of_the_texts_of_the_workload() -> None:
    texts = {*cut_texts(ROWS)}

    digests = {sha256(text.encode()).hexdigest()[:16] for text in texts}
    stored = [{*each.texts} for each in load_references()]

    assert any(len(each) > 100 and each <= digests for each in stored)
