"""The odd device among those of one machine."""

import json
from collections.abc import Mapping

import pytest

from nobs.render.devices import devices_text, devices_values
from nobs.report.devices import DeviceComparison, compare_devices
from nobs.report.machine import name_of
from nobs.report.price import Prices, parse_prices
from nobs.report.rank import rank
from nobs.schema.device import DeviceRef
from nobs.schema.report import Report
from nobs.schema.telemetry import DeviceTelemetry
from tests.fakes.reports import make_report


def report_of(
    number: int, speed: float = 1.0, sensors: Mapping[str, float] | None = None, *, run: str = ""
) -> Report:
    """Return the report of one GPU of a machine."""
    report = make_report(run=run or f"run-{number}", speed=speed, tasks=("embeddings",))
    ref = DeviceRef(name=f"cuda:{number}", index=number, uuid=f"GPU-{number}", model="A GPU")
    found = report.model_copy(update={"run": report.run.model_copy(update={"device": ref})})
    if not sensors:
        return found
    content = json.loads(found.model_dump_json(by_alias=True))
    for model in content["tasks"][0]["models"].values():
        model["telemetry"] = telemetry(sensors)
    return Report.model_validate(content)


def telemetry(sensors: Mapping[str, float]) -> dict[str, object]:
    absent = {"evidence": "absent", "how": "not here"}
    names = [name for name, field in DeviceTelemetry.model_fields.items() if field.is_required()]
    read = {name: {"value": v, "evidence": "measured", "how": "-"} for name, v in sensors.items()}
    gpu = {"name": "A GPU", "kind": "gpu", "reader": "nvidia", "throttling": absent}
    device = dict.fromkeys(names, absent) | gpu | read
    times = {"interval_s": 0.1, "samples": 9, "span_s": 1.0, "timed_s": 1.0, "baseline_s": 0.0}
    return times | {"devices": [device]}


def first(*reports: Report) -> DeviceComparison:
    return compare_devices(reports)[0]


def test_devices_of_a_machine_have_results_of_their_own() -> None:
    found = first(*(report_of(number) for number in range(3)))

    assert name_of(report_of(1)) == "a host cuda:1"
    assert [(each.device, each.place.runs) for each in found.places] == [
        ("cuda:0", 1), ("cuda:1", 1), ("cuda:2", 1),
    ]  # fmt: skip


def test_only_runs_of_one_uuid_are_runs_of_one_device() -> None:
    reports = [report_of(0, run="a"), report_of(0, run="b"), report_of(1)]
    ranking = rank(reports, prices=Prices())[0]

    assert sorted((p.machine, p.runs) for p in ranking.places) == [
        ("a host cuda:0", 2), ("a host cuda:1", 1),
    ]  # fmt: skip


def test_the_slow_device_stands_out_with_what_may_explain_it() -> None:
    cool = {"temperature_max_c": 61.0, "pcie_generation_min": 4.0, "pcie_width_min": 16.0}
    slow = {"temperature_max_c": 84.0, "pcie_generation_min": 3.0, "pcie_width_min": 4.0}
    fine = [report_of(number, sensors=cool) for number in (0, 1, 3)]
    found = first(*fine, report_of(2, 0.9, slow))
    (odd,) = found.odd
    text = " ".join(devices_text([found], width=80, color=False).split())

    assert odd.device == "cuda:2"
    assert odd.place.oddity
    assert odd.place.oddity.value == pytest.approx(0.9, rel=0.02)
    assert odd.observations == (
        "hot: 84 °C, 23 K above the others", "narrow link: PCIe 3 x4, others 4 x16",
    )  # fmt: skip
    assert "cuda:2 stands out: " in text
    assert "Bonferroni-corrected for the number of devices" in text


def test_no_device_stands_out_where_they_are_alike_in_most_of_many_rounds() -> None:
    rounds = [[report_of(n, run=f"{number}-{n}") for n in range(4)] for number in range(20)]
    odd = [bool(first(*reports).odd) for reports in rounds]

    assert sum(odd) <= 1


def test_a_slow_device_is_found_in_every_one_of_many_rounds() -> None:
    rounds = [
        [report_of(n, 0.95 if n == 2 else 1.0, run=f"{number}-{n}") for n in range(4)]
        for number in range(20)
    ]

    assert all([each.device for each in first(*r).odd] == ["cuda:2"] for r in rounds)


def test_of_three_devices_only_the_slow_one_stands_out() -> None:
    found = first(report_of(0), report_of(1), report_of(2, 0.7))

    assert [each.device for each in found.odd] == ["cuda:2"]
    assert found.odd[0].place.oddity
    assert found.odd[0].place.oddity.value == pytest.approx(0.7, rel=0.02)


def test_of_two_devices_none_is_odd_but_the_slower_is_named() -> None:
    found = first(report_of(0), report_of(1, 0.8))
    text = " ".join(devices_text([found], width=80, color=False).split())

    assert not found.odd
    assert "below the fastest" in text
    assert "it needs 3 of one model" in text
    assert devices_values([found])[0]["devices"][1]["is_slower_than_best"]


def test_the_price_of_a_machine_is_not_that_of_one_of_its_devices() -> None:
    prices = Prices(machines=dict(parse_prices(["a host=8/h", "a host cuda:1=1/h"])))

    assert prices.find("a host@n1") is not None
    assert prices.find("a host@n1 cuda:0") is None
    assert prices.find("a host cuda:0") is None
    assert prices.find("a host cuda:1") is not None
