"""Results with random weights: marked everywhere, and compared only with their like."""

from typing import Any

import pytest

from nobs.report.compare import Comparison, compare_reports
from nobs.report.leaderboard import arrange, flatten
from nobs.report.validation import Ruling, validate_document
from nobs.schema.flags import FlagName, Severity
from nobs.schema.report import Report
from tests.fakes.honest_reports import honest_document, honest_report, sealed

MODEL = "sentence-transformers/all-MiniLM-L6-v2"
LABEL = f"{MODEL} (random weights)"


def random_report(**words: Any) -> Report:
    return honest_report(**{"weights": "random"} | words)


def compare(baseline: Report, other: Report, *, force_open: bool = False) -> Comparison:
    return compare_reports(baseline, other, names=("a", "b"), force_open=force_open)


def test_the_model_has_the_flag_with_seed_and_tokenizer() -> None:
    (model,) = random_report(weights_seed=3).tasks[0].models.values()
    (flag,) = (flag for flag in model.flags if flag.name is FlagName.RANDOM_WEIGHTS)

    assert flag.severity is Severity.WARNING
    assert "(seed 3)" in flag.message
    assert "bert-uncased, the model's own" in flag.message
    assert any("random weights have no reference embeddings" in text for text in model.warnings)


def test_two_of_the_same_seed_are_compared_under_their_own_name() -> None:
    found = compare(random_report(), random_report())

    assert {line.model for line in found.lines} == {LABEL}
    assert found.refusals == ()


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ({"weights_seed": 2}, f"models.{MODEL}.random.seed"),
        ({"dtype": "bfloat16"}, "params.dtype"),
        ({"batch_size": 8}, "params.batch_size"),
        ({"rows": 50}, "dataset.rows"),
    ],
)
def test_another_seed_dtype_batch_or_input_is_refused(words: dict[str, Any], reason: str) -> None:
    found = compare(random_report(), random_report(**words))

    assert found.lines == ()
    assert reason in found.refusals[0].reason


def test_another_architecture_is_refused() -> None:
    one, two = random_report(), random_report()
    values = two.model_dump(mode="json", by_alias=True)
    workload = values["tasks"][0]["workload"]
    workload["models"][0]["random"]["architecture"]["files"]["config.json"]["hidden_size"] = 512
    workload["fingerprint"] = "1" * 64

    found = compare(one, Report.model_validate(values))

    assert "random.architecture.files.config.json.hidden_size" in found.refusals[0].reason


@pytest.mark.parametrize("words", [{}, {"batch_size": 8}])
def test_real_weights_are_never_silently_compared_with_random_ones(
    words: dict[str, Any],
) -> None:
    real, random = honest_report(**words), random_report(**words)
    refused, forced = compare(real, random), compare(real, random, force_open=True)

    assert refused.lines == ()
    assert "random" in refused.refusals[0].reason
    assert forced.lines
    assert "random" in forced.unlike[0]


def test_the_leaderboard_ranks_them_apart() -> None:
    reports = [honest_report(batch_size=8), random_report(batch_size=8)]
    (table,) = arrange([flatten(str(n), report) for n, report in enumerate(reports)]).tables

    assert [(rank, row.model) for rank, row in table.ranked()] == [(1, MODEL), (1, LABEL)]


def test_an_honest_report_is_open() -> None:
    ruling = validate_document(honest_document(weights="random"))

    assert (ruling.ruling, ruling.faults) == (Ruling.OPEN, ())
    assert any("random weights (seed 1)" in difference for difference in ruling.differences)


def test_random_weights_of_a_real_pin_are_a_contradiction() -> None:
    document, random = honest_document(), honest_document(weights="random")
    weights = random["tasks"][0]["models"][MODEL]["weights"]
    document["tasks"][0]["models"][MODEL]["weights"] = weights

    faults = " ".join(validate_document(sealed(document)).faults)

    assert "its weights were random, but its pin has none" in faults


@pytest.mark.parametrize(
    ("random", "fault"),
    [
        (None, "weights.random is missing, but its pin has random weights"),
        ({"seed": 9, "architecture_sha256": "0" * 64, "tokenizer": "bert-uncased"},
         "weights.random isn't what its pin has"),
    ],
)  # fmt: skip
def test_other_random_weights_than_asked_for_are_a_contradiction(
    random: dict[str, Any] | None, fault: str
) -> None:
    document = honest_document(weights="random")
    document["tasks"][0]["models"][MODEL]["weights"]["random"] = random

    assert fault in " ".join(validate_document(sealed(document)).faults)


def test_random_weights_are_never_closed() -> None:
    document = honest_document(weights="random")
    document["tasks"][0]["workload"] |= {"division": "closed", "open_reasons": []}

    faults = " ".join(validate_document(sealed(document)).faults)

    assert "division is closed, but the weights are random" in faults


def test_another_size_than_that_of_the_architecture_is_a_contradiction() -> None:
    document = honest_document(weights="random")
    document["tasks"][0]["models"][MODEL]["parameters"] = 11_000_000

    faults = " ".join(validate_document(sealed(document)).faults)

    assert "it has 11000000 parameters, its architecture 22713216" in faults


def test_another_architecture_than_the_catalogue_s_is_named() -> None:
    document = honest_document(weights="random")
    document["tasks"][0]["workload"]["models"][0]["random"]["architecture"]["tokenizer"] = "another"

    differences = " ".join(validate_document(sealed(document)).differences)

    assert f"models.{MODEL}: its architecture isn't that of the catalogue" in differences
