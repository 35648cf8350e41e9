import pytest

from nobs.catalog import load_catalog
from nobs.schema.base import Backend, Status
from nobs.tasks.text_embeddings.consistency import find_contradictions
from nobs.tasks.text_embeddings.report import EmbeddingsModelReport


def model(rows: int) -> EmbeddingsModelReport:
    return EmbeddingsModelReport(
        model_name="a/b", device=Backend.CPU, status=Status.OK, rows_per_pass=rows
    )


@pytest.mark.parametrize(
    ("profile", "rows", "is_possible"),
    [
        ("standard", 100, True),
        ("standard", 200, False),
        ("max", 100, True),
        ("max", 3000, True),
        ("max", 3100, False),
        ("max", 250, False),
    ],
)
def test_a_pass_has_whole_copies_of_the_texts(profile: str, rows: int, is_possible: bool) -> None:
    workload = load_catalog().workload("embeddings", profile)

    assert (list(find_contradictions(model(rows), workload)) == []) is is_possible
