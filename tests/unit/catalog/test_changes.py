from typing import Any

import pytest

from nobs.catalog.changes import find_changes, find_differences
from nobs.schema.pins import RepeatPolicy
from tests.fakes.run_requests import pinned

PINNED = pinned("embeddings", "standard")


def changed(part: str, **values: Any) -> list[str]:
    one = getattr(PINNED, part).model_copy(update=values)
    return [*find_changes(PINNED, PINNED.model_copy(update={part: one}))]


def test_the_pinned_work_itself_has_no_changes() -> None:
    assert [*find_changes(PINNED, PINNED)] == []


def test_what_follows_from_another_data_set_is_no_reason_of_its_own() -> None:
    assert changed("dataset", rows=5, rows_sha256="") == ["dataset.rows: 5 instead of 100"]


def test_a_data_set_without_its_pinned_file_is_another_work() -> None:
    assert changed("dataset", file=None) == [f"dataset.file: None instead of {PINNED.dataset.file}"]


def test_a_parameter_is_named_with_both_values() -> None:
    assert changed("params", batch_size=8) == ["params.batch_size: 8 instead of 16"]


def test_another_revision_of_a_model_is_named() -> None:
    first, *others = PINNED.models
    models = (first.model_copy(update={"revision": "main"}), *others)

    assert [*find_changes(PINNED, PINNED.model_copy(update={"models": models}))] == [
        f"models.{first.id}.revision: main instead of {first.revision}"
    ]


@pytest.mark.parametrize(
    ("values", "reasons"),
    [
        ({"repeats": 2}, ["policy.repeats: 2, below 3"]),
        ({"repeats": 9}, []),
        ({"time_budget_s": 900.0}, []),
        ({"ci_rel_width": 0.5}, ["policy.ci_rel_width: 0.5 instead of 0.01"]),
    ],
)
def test_only_fewer_repeats_change_the_work(values: dict[str, Any], reasons: list[str]) -> None:
    policy = RepeatPolicy(**{**PINNED.policy.model_dump(), **values})

    assert [*find_changes(PINNED, PINNED.model_copy(update={"policy": policy}))] == reasons


def test_differences_have_the_path_of_a_field_in_a_table() -> None:
    before, after = {"a": 1, "load": {"seed": 1, "sweep": True}}, {"load": {"seed": 2}, "b": None}

    assert [*find_differences(before, after, "params.")] == [
        ("params.a", 1, None),
        ("params.load.seed", 1, 2),
        ("params.load.sweep", True, None),
    ]
