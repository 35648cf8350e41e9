from typing import Any

import pytest

from nobs.schema.enums import Backend, Dtype, Status
from nobs.schema.result import Calibration, DeviceCheck
from nobs.tasks.text_embeddings.consistency import check_output, find_contradictions
from nobs.tasks.text_embeddings.open_reasons import open_reasons_of
from nobs.tasks.text_embeddings.report import (
    EmbeddingsModelReport,
    EncodePhases,
    Encoder,
    Origin,
    ReferenceCheck,
)
from tests.fakes.run_requests import pinned

STANDARD = pinned("embeddings", "standard")
OTHER_BATCHES = "encode_phases.all_batches doesn't match 100 rows in batches of 16"


def model(rows: int) -> EmbeddingsModelReport:
    return EmbeddingsModelReport(
        model_name="a/b", device=Backend.CPU, status=Status.OK, rows_per_pass=rows,
        dtype=Dtype.FLOAT32, batch_size=16,
    )  # fmt: skip


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
    workload = pinned("embeddings", profile)

    assert (list(find_contradictions(model(rows), workload)) == []) is is_possible


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({}, None),
        ({"host_share": 0.5}, "encode_phases.host_share isn't the share outside forward_s"),
        ({"copy_in_s": -0.1}, "a phase of encode_phases is below 0"),
        ({"rows": 101}, "encode_phases covers more than a pass"),
        ({"batches": 8}, "encode_phases covers more than a pass"),
        ({"all_batches": 8}, OTHER_BATCHES),
        ({"rows": 17, "batches": 1}, OTHER_BATCHES),
    ],
)
def test_phases_are_parts_of_one_pass(change: dict[str, float], fault: str | None) -> None:
    phases = {"rows": 100, "batches": 7, "all_batches": 7, "tokenise_s": 0.1, "copy_in_s": 0.05,
              "forward_s": 0.8, "copy_out_s": 0.03, "other_s": 0.02, "host_share": 0.2}  # fmt: skip
    told = model(100).model_copy(update={"encode_phases": EncodePhases(**phases | change)})

    assert list(find_contradictions(told, STANDARD)) == ([fault] if fault else [])


@pytest.mark.parametrize(
    ("rows", "lowest", "least", "is_possible"),
    [
        (100, 0.99995, 0.9999, True),
        (100, 1 + 1e-12, 0.9999, True),
        (0, None, None, True),
        (100, 0.9, 0.9999, False),
        (100, 0.9, 0.8, False),
        (100, 1.2, 0.9999, False),
        (101, 0.99995, 0.9999, False),
        (0, 0.99995, 0.9999, False),
        (100, None, None, False),
    ],
)
def test_a_step_with_a_wrong_answer_is_not_ok(
    rows: int, lowest: float | None, least: float | None, *, is_possible: bool
) -> None:
    check = ReferenceCheck(rows=rows, lowest_cosine=lowest, threshold=least)
    told = model(100).model_copy(update={"reference": check})

    faults = [*find_contradictions(told, STANDARD), *check_output(told)]

    assert (faults == []) is is_possible


@pytest.mark.parametrize("rows", [1, 3000])
def test_what_is_wrong_is_judged_by_the_number_format(rows: int) -> None:
    check = ReferenceCheck(rows=rows, lowest_cosine=0.995, threshold=0.99)
    best = pinned("embeddings", "max")
    told = model(3000).model_copy(update={"reference": check, "dtype": Dtype.BFLOAT16})

    assert list(find_contradictions(told, best)) == []


@pytest.mark.parametrize(
    ("place", "change", "fault"),
    [
        ("cuda:0", {}, None),
        ("cpu", {}, "the weights were on cpu, the checks on cuda"),
        ("cuda:0", {"dtype": Dtype.BFLOAT16}, "a calibration has another dtype"),
        ("cuda:0", {"matmul_size": 4096}, "the calibrations have different sizes or settings"),
        ("cuda:0", {"tf32": True}, "the calibrations have different sizes or settings"),
    ],
)
def test_weights_and_limits_are_of_the_checked_device(
    place: str, change: dict[str, Any], fault: str | None
) -> None:
    check = DeviceCheck(
        device="cuda:0", device_name="a GPU", passed=True, max_error=0.0, duration_s=0.1
    )
    before = Calibration(
        dtype=Dtype.FLOAT32, tf32=False, matmul_size=8192, matmul_flop_per_s=5e13,
        copy_bytes=1 << 28, copy_bytes_per_s=1.7e12, duration_s=0.4,
    )  # fmt: skip
    told = model(100).model_copy(
        update={
            "parameter_device": place,
            "checks": (check, check),
            "calibrations": (before, before.model_copy(update=change)),
        }
    )
    found = list(find_contradictions(told, STANDARD))

    assert len(found) == (fault is not None)
    assert all(fault is not None and one.startswith(fault) for one in found)


ENCODER = Encoder(
    modules=("Transformer", "Pooling"), architecture="BertModel", pooling="mean", route=None,
    prompt=None, origin=Origin.SAVED, published_architecture=None,
)  # fmt: skip
STATIC = ENCODER.model_copy(update={"modules": ("StaticEmbedding",), "architecture": None})


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"encoder": ENCODER, "max_seq_length": 512}, None),
        (
            {"encoder": ENCODER.model_copy(update={"origin": Origin.GUESSED}),
             "max_seq_length": 512},
            "models: a/b without modules.json, pooling guessed (mean)",
        ),
        (
            {"encoder": ENCODER.model_copy(update={"origin": Origin.CONVERTED}),
             "max_seq_length": 512},
            "models: a/b converted to Transformer, Pooling",
        ),
        (
            {"encoder": ENCODER.model_copy(update={"random_weights": tuple("abcd")}),
             "max_seq_length": 512},
            "models: a/b with random weights (a, b, c and 1 more)",
        ),
        ({"encoder": STATIC}, "params.max_seq_length: none instead of 512 (a/b)"),
        ({"max_seq_length": 77}, "params.max_seq_length: 77 instead of 512 (a/b)"),
    ],
)  # fmt: skip
def test_what_was_loaded_otherwise_is_an_open_reason(
    change: dict[str, Any], reason: str | None
) -> None:
    told = model(100).model_copy(update=change)
    reasons = (reason,) if reason else ()

    assert tuple(open_reasons_of(told, STANDARD)) == reasons
    assert list(find_contradictions(told, STANDARD)) == []


def test_no_reason_explains_a_longer_limit_than_asked_for() -> None:
    told = model(100).model_copy(update={"max_seq_length": 600})

    assert list(find_contradictions(told, STANDARD)) == [
        "max_seq_length is 600, but the workload asks for 512"
    ]


@pytest.mark.parametrize(("encoder", "is_possible"), [(ENCODER, False), (STATIC, True)])
def test_only_a_transformer_makes_tokens_of_every_text(encoder: Encoder, is_possible: bool) -> None:
    told = model(100).model_copy(update={"encoder": encoder, "max_seq_length": 512, "tokens": 99})

    faults = [*find_contradictions(told, STANDARD), *check_output(told)]

    assert (faults == []) is is_possible
