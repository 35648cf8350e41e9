import pytest

from nobs.catalog import load_catalog
from nobs.schema.base import Backend, Status
from nobs.tasks.text_embeddings.consistency import find_contradictions
from nobs.tasks.text_embeddings.report import (
    EmbeddingsModelReport,
    EncodePhases,
    ReferenceCheck,
)

STANDARD = load_catalog().workload("embeddings", "standard")


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


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({}, None),
        ({"host_share": 0.5}, "encode_phases.host_share isn't the share outside forward_s"),
        ({"copy_in_s": -0.1}, "a phase of encode_phases is below 0"),
        ({"rows": 101}, "encode_phases is about more than a pass"),
        ({"batches": 8}, "encode_phases is about more than a pass"),
    ],
)
def test_phases_are_parts_of_one_pass(change: dict[str, float], fault: str | None) -> None:
    phases = {"rows": 100, "batches": 7, "all_batches": 7, "tokenise_s": 0.1, "copy_in_s": 0.05,
              "forward_s": 0.8, "copy_out_s": 0.03, "other_s": 0.02, "host_share": 0.2}  # fmt: skip
    told = model(100).model_copy(update={"encode_phases": EncodePhases(**phases | change)})

    assert list(find_contradictions(told, STANDARD)) == ([fault] if fault else [])


@pytest.mark.parametrize(("lowest", "is_possible"), [(0.99995, True), (0.9, False), (None, True)])
def test_a_step_with_a_wrong_answer_is_not_ok(lowest: float | None, is_possible: bool) -> None:
    check = ReferenceCheck(rows=100, lowest_cosine=lowest, least_cosine=0.9999)
    told = model(100).model_copy(update={"reference": check})

    assert (list(find_contradictions(told, STANDARD)) == []) is is_possible
