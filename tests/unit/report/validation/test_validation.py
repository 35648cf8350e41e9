"""Rulings on honest reports, and on the same reports after somebody changed them."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nobs.report.validation import Ruling, Validation, validate_document, validate_file
from nobs.storage.document import parse_document
from nobs.storage.files import to_json
from tests.fakes.changed_reports import (
    GTE,
    MINILM,
    Change,
    model_of,
    validate_changed,
    workload_of,
)
from tests.fakes.honest_reports import Document, honest_document, honest_report


@pytest.mark.parametrize("profile", ["quick", "standard"])
def test_the_pinned_workload_unchanged_is_closed(profile: str) -> None:
    assert validate_document(honest_document(profile=profile)) == Validation(ruling=Ruling.CLOSED)


@pytest.mark.parametrize(
    ("words", "difference"),
    [
        ({"batch_size": 8}, "embeddings-quick/1: params.batch_size: 8 instead of 16"),
        ({"rows": 20}, "embeddings-quick/1: dataset.rows: 20 instead of 100"),
        ({"repeats": 2}, "embeddings-quick/1: policy.repeats: 2, below 3"),
    ],
)
def test_a_changed_workload_is_open_and_names_the_fields(
    words: dict[str, int], difference: str
) -> None:
    found = validate_document(honest_document(**words))

    assert (found.ruling, found.faults) == (Ruling.OPEN, ())
    assert difference in found.differences


def test_a_workload_of_a_later_catalogue_is_open() -> None:
    def rename(document: Document) -> None:
        from nobs.storage.files import sha256_of  # noqa: PLC0415

        workload = workload_of(document)
        workload["name"] = "embeddings-quick/9"
        pins = {key: workload[key] for key in ("dataset", "models", "params")}
        pins["params"] = {key: value for key, value in pins["params"].items() if key != "kind"}
        workload["fingerprint"] = sha256_of(
            {"name": "embeddings-quick", "version": 9, "task": "embeddings", **pins}
        )

    found = validate_changed(rename)

    assert (found.ruling, found.faults) == (Ruling.OPEN, ())
    assert (
        "embeddings-quick/9: it isn't in the catalogue of this version of NOBS" in found.differences
    )


@pytest.fixture(scope="module")
def text() -> str:
    return to_json(honest_report())


@pytest.mark.parametrize("step", [13, pytest.param(1, marks=pytest.mark.long)])
def test_a_flipped_digit_anywhere_is_caught(text: str, tmp_path: Path, step: int) -> None:
    file = tmp_path / "report.json"
    digits = [found.start() for found in re.finditer(r"[0-9]", text)]
    passed = []
    for position in digits[::step]:
        flipped = str((int(text[position]) + 1 + position % 8) % 10)
        file.write_text(text[:position] + flipped + text[position + 1 :])
        if validate_file(file).ruling is not Ruling.INVALID:
            passed.append(text[position - 40 : position + 10])

    assert len(digits) > 1000
    assert passed == []


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_any_changed_character_is_caught(text: str, data: st.DataObject) -> None:
    position = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.characters(codec="ascii", exclude_characters=text[position]))
    changed = text[:position] + other + text[position + 1 :]
    try:
        document = parse_document(changed.encode())
    except ValueError:
        return

    assert document == json.loads(text) or (validate_document(document).ruling is Ruling.INVALID)


def twice(key: str) -> Change:
    def change(document: Document) -> None:
        model_of(document)[key] *= 2

    return change


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (twice("final_median_encoding_time_seconds"), "final_median_encoding_time_seconds is 2.02"),
        (twice("final_median_rows_per_second"), "final_median_rows_per_second is"),
        (twice("final_median_tokens_per_second"), "final_median_tokens_per_second is"),
        (twice("padding_efficiency"), "padding_efficiency is"),
        (twice("tokens"), "final_median_tokens_per_second is"),
        (lambda d: model_of(d)["encoding_time_interval"].update(low=1.0), "interval.low is 1.0"),
        (lambda d: model_of(d)["encoding_time_interval"].update(confidence=0.99), "confidence"),
        (lambda d: model_of(d)["all_runs"][2].update(rows_per_second=99.9), "all_runs.2"),
        (lambda d: model_of(d)["all_runs"].pop(), "all_runs is"),
        (lambda d: model_of(d)["samples"].pop(), "the samples give"),
        (lambda d: model_of(d)["samples"][1].update(duration_s=0.5), "the samples give"),
        (lambda d: model_of(d)["verdict"].update(spread=0.5), "verdict.spread is 0.5"),
        (lambda d: model_of(d)["verdict"].update(stable=False), "verdict.stable is False"),
        (lambda d: model_of(d).update(verdict=None), "verdict is None"),
        (lambda d: model_of(d)["utilisation"].update(mfu=0.9), "mfu is 0.9"),
        (lambda d: model_of(d)["calibrations"][0].update(matmul_flop_per_s=2e12), "matmul_loss"),
        (lambda d: model_of(d)["work"].update(model_flop=5e11), "utilisation.model_flop_per_s is"),
        (lambda d: d["tasks"][0].update(task_score=4000.0), "task_score is 4000.0"),
        (lambda d: d["tasks"][0].update(task_score=None), "task_score is None"),
    ],
    ids=range(19),
)  # fmt: skip
def test_a_figure_that_its_samples_do_not_give_is_invalid(change: Change, fault: str) -> None:
    found = validate_changed(change)

    assert found.ruling is Ruling.INVALID
    assert any(fault in told for told in found.faults), found.faults


def test_figures_that_an_earlier_nobs_did_not_have_are_no_fault() -> None:
    def forget(document: Document) -> None:
        for key in ("joules_per_1000_rows", "padding_efficiency", "flags"):
            del model_of(document)[key]

    assert validate_changed(forget).ruling is Ruling.CLOSED


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda d: workload_of(d)["params"].update(batch_size=8), "closed, but params.batch_size"),
        (lambda d: workload_of(d)["dataset"].update(revision="0" * 40), "but dataset.revision"),
        (lambda d: workload_of(d)["policy"].update(repeats=2), "but policy.repeats: 2"),
        (lambda d: workload_of(d)["policy"].update(ci_rel_width=0.5), "but policy.ci_rel_width"),
        (lambda d: workload_of(d)["models"].pop(), "but models: thenlper/gte-large instead of"),
        (lambda d: workload_of(d)["models"][0].update(revision="0" * 40), "but models.thenlper"),
        (lambda d: workload_of(d).update(fingerprint="0" * 64), "fingerprint doesn't match"),
        (lambda d: workload_of(d).update(open_reasons=["why"]), "division is closed, but open_rea"),
        (lambda d: workload_of(d).update(division="open"), "division is open, but open_reasons"),
        (lambda d: workload_of(d).update(name="embeddings-quick"), "pins aren't a valid"),
        (lambda d: workload_of(d).update(data=None), "data is missing"),
        (lambda d: workload_of(d)["data"].update(rows=5), "data.rows is 5"),
        (lambda d: workload_of(d)["data"].update(file_sha256="0" * 64), "data.file_sha256 differs"),
        (lambda d: d["tasks"][0]["models"].pop(GTE), "gte-large is missing"),
        (lambda d: model_of(d, GTE).update(revision="0" * 40), "revision is 0000"),
    ],
    ids=range(15),
)  # fmt: skip
def test_a_claim_that_the_catalogue_denies_is_invalid(change: Change, fault: str) -> None:
    found = validate_changed(change, profile="standard")

    assert found.ruling is Ruling.INVALID
    assert any(fault in told for told in found.faults), found.faults


def test_weights_that_are_not_the_pinned_ones_are_invalid() -> None:
    found = validate_changed(
        lambda d: model_of(d)["weights"]["files"].update({"model.safetensors": "2" * 64})
    )

    assert found.faults == (
        (
            f"embeddings-quick/1: {MINILM}: weights.files: "
            "model.safetensors differs from the pinned digest"
        ),
    )


def test_every_reason_is_told_at_once() -> None:
    document = honest_document()
    model_of(document).update(device="mps", tokens=5)
    faults = validate_document(document).faults

    assert {"digest", f"embeddings, {MINILM}", "embeddings-quick/1"} == {
        fault.split(":")[0] for fault in faults
    }
    assert sum("device is mps" in fault for fault in faults) == 1
    assert sum("tokens_per_second" in fault for fault in faults) == 1


def test_every_field_of_a_wrong_type_is_told() -> None:
    found = validate_changed(
        lambda d: (model_of(d).update(tokens="many", surprise=1), d["run"].update(id=1))
    )

    assert found.faults == ("run.id: Input should be a valid string",)
    found = validate_changed(lambda d: model_of(d).update(tokens="many", surprise=1))
    assert [fault.split(": ")[0] for fault in found.faults] == [
        f"{MINILM}.tokens", f"{MINILM}.surprise",
    ]  # fmt: skip


def test_a_report_without_tasks_is_open() -> None:
    found = validate_changed(lambda d: d.update(tasks=[]))

    assert (found.ruling, found.differences) == (Ruling.OPEN, ("nothing was measured",))


def test_a_report_of_steps_that_all_failed_is_open() -> None:
    def fail(document: Document) -> None:
        failure = {"failure_class": "interrupted", "type": "", "message": "It was interrupted."}
        plain = ("model_name", "revision", "device")
        model = {key: model_of(document)[key] for key in plain}
        document["tasks"][0]["models"][MINILM] = model | {"status": "failed", "failure": failure}
        document["tasks"][0]["task_score"] = None
        document["run"]["status"] = "failed"

    found = validate_changed(fail)

    assert found.faults == ()
    assert (found.ruling, found.differences) == (Ruling.OPEN, ("nothing was measured",))


def test_a_task_that_nobody_knows_is_open_at_best() -> None:
    found = validate_changed(lambda d: d["tasks"][0].update(task="knitting"))

    assert found.ruling is Ruling.INVALID
    assert any("fingerprint" in fault for fault in found.faults)
