"""Rulings on reports of which parts can't be true at once, though their digest fits."""

from collections.abc import Sequence

import pytest

from nobs.report.validation import Ruling, validate_document
from tests.fakes.changed_reports import (
    Change,
    meter_of,
    model_of,
    validate_changed,
    workload_of,
)
from tests.fakes.honest_reports import TIMES_S, Document, honest_document, sealed


def narrow(document: Document) -> None:
    """Forge a result: shorter times, and everything that follows from them."""
    honest = honest_document(times_s=[0.5, 0.51, 0.505, 0.5, 0.51, 0.505, 0.5])
    document["tasks"][0] = honest["tasks"][0]
    model_of(document)["phases"]["measure_s"] = 2.0


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda d: d["device_info"].update(device="cuda"), "run.backend is cpu"),
        (lambda d: model_of(d).update(device="mps"), "device is mps"),
        (lambda d: model_of(d).update(model_name="m"), "model_name is m"),
        (lambda d: d["run"].update(status="failed"), "run.status is failed"),
        (lambda d: model_of(d).update(status="lost"), "status is lost without a failure"),
        (lambda d: model_of(d).update(samples=[]), "status is ok without samples"),
        (lambda d: d["run"].update(finished="2020-01-01T00:00:00Z"), "before run.started"),
        (lambda d: d.update(timestamp="2020-01-01T00:00:00Z"), "timestamp is before"),
        (lambda d: model_of(d)["samples"][2].update(start_s=1.5), "repeat 3 starts before"),
        (narrow, "phases.measure_s is 2"),
        (lambda d: d["tasks"][0].update(dataset_size=99), "dataset_size isn't"),
        (lambda d: model_of(d).update(tokens=99), "99 tokens can't be those of 100 rows"),
        (lambda d: model_of(d).update(tokens=25_601), "25601 tokens can't be"),
        (lambda d: model_of(d).update(padded_tokens=19_999), "below 20000 tokens"),
        (lambda d: model_of(d).update(batch_size=64), "batch_size is 64"),
        (lambda d: model_of(d).update(dtype="float16"), "dtype is float16"),
        (lambda d: model_of(d)["samples"][0].update(units=1), "the units of a sample"),
        (lambda d: model_of(d)["utilisation"].update(mfu=1.5), "mfu is 150"),
        (lambda d: model_of(d)["work"].update(padded_flop=1e11), "padded_flop is below"),
        (lambda d: model_of(d)["telemetry"].update(span_s=3.0), "telemetry.span_s is 3"),
        (lambda d: model_of(d)["telemetry"].update(timed_s=3.0), "telemetry.timed_s is 3"),
        (lambda d: meter_of(d, "energy_j").update(value=3.0), "isn't mean_power_w times"),
        (lambda d: meter_of(d, "mean_power_w").update(value=3.0), "isn't mean_power_w times"),
        (lambda d: meter_of(d, "net_energy_j").update(value=3.0), "net_energy_j isn't energy_j"),
        (lambda d: meter_of(d, "peak_power_w").update(value=-1.0), "below 0"),
        (lambda d: model_of(d)["joules_per_1000_rows"].update(value=3.0), "1000_rows.value is 3"),
        (lambda d: model_of(d)["checks"][1].update(passed=False), "a device check failed"),
        (lambda d: model_of(d)["checks"][0].update(device="cuda:0"), "check ran on cuda:0"),
        (lambda d: workload_of(d)["policy"].update(repeats=9), "7 samples, but policy.repeats is"),
        (lambda d: d["environment"]["host"].update(on_battery=True), "is missing on-battery"),
        (lambda d: d["environment"]["host"].pop("hypervisor"), "run.flags has virtual-machine"),
        (lambda d: d["environment"].update(host="mine"), "environment.host isn't an object"),
    ],
    ids=range(32),
)  # fmt: skip
def test_a_contradiction_is_invalid(change: Change, fault: str) -> None:
    found = validate_changed(change)

    assert found.ruling is Ruling.INVALID
    assert any(fault in told for told in found.faults), found.faults


WIDE_S = (1.0, 1.3, 1.1, 1.2, 1.0, 1.3, 1.2)


@pytest.mark.parametrize(
    ("times_s", "measure_s", "is_possible"),
    [
        (TIMES_S, 8.0, True),
        (WIDE_S, 25.0, True),
        (WIDE_S, 24.0, False),
        (WIDE_S[:2], 25.0, False),
        (TIMES_S[:3], 24.0, False),
        (TIMES_S[:3], 25.0, True),
    ],
)
def test_repeating_stops_when_the_median_is_sure_or_the_time_is_over(
    times_s: Sequence[float], measure_s: float, *, is_possible: bool
) -> None:
    document = honest_document(times_s=times_s)
    model_of(document)["phases"]["measure_s"] = measure_s
    found = validate_document(sealed(document))

    assert any("repeating stopped after" in fault for fault in found.faults) is not is_possible


def on_cuda(document: Document, **checked: object) -> None:
    """Make the report one of CUDA on an RTX 4090, whose checks say `checked` besides."""
    gpu = {"device": "cuda", "gpu_name": "NVIDIA GeForce RTX 4090", "gpu_memory_gb": 23.99}
    document["device_info"].update(gpu)
    document["run"]["backend"] = "cuda"
    model = model_of(document)
    model["device"] = "cuda"
    for check in model["checks"]:
        check.update(device="cuda:0", device_name="NVIDIA GeForce RTX 4090", **checked)
    model["telemetry"]["devices"][0].update(
        name="NVIDIA GeForce RTX 4090", kind="gpu", reader="nvidia"
    )


def checks_of(document: Document) -> list[Document]:
    checks: list[Document] = model_of(document)["checks"]
    return checks


RTX3060 = "NVIDIA GeForce RTX 3060"


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda d: [c.update(device_name=RTX3060) for c in checks_of(d)], f"{RTX3060} instead of"),
        (lambda d: checks_of(d)[1].update(device_name=RTX3060), f"{RTX3060} instead of"),
        (lambda d: d["device_info"].update(gpu_name=RTX3060), f"RTX 4090 instead of {RTX3060}"),
        (lambda d: checks_of(d)[0].update(memory_bytes=12 << 30), "12.00 GiB of memory instead"),
        (lambda d: checks_of(d)[0].update(memory_bytes=1, is_unified=True), "shared with"),
        (lambda d: checks_of(d)[0].update(uuid="GPU-1"), "on several devices"),
        (lambda d: model_of(d)["telemetry"]["devices"][0].update(name=RTX3060),
         f"energy was read from {RTX3060}"),
    ],
    ids=range(7),
)  # fmt: skip
def test_a_foreign_device_is_invalid(change: Change, fault: str) -> None:
    def both(document: Document) -> None:
        on_cuda(document)
        change(document)

    found = validate_changed(both)

    assert found.ruling is Ruling.INVALID
    assert any(fault in told for told in found.faults), found.faults


@pytest.mark.parametrize(
    "checked",
    [{}, {"memory_bytes": int(23.5 * 2**30), "is_unified": False, "uuid": "GPU-1"}],
    ids=["of an older report", "of today"],
)
def test_the_device_that_computed_is_no_contradiction(checked: Document) -> None:
    faults = validate_changed(lambda document: on_cuda(document, **checked)).faults

    assert [fault for fault in faults if "device" in fault or "energy is of" in fault] == []


def test_a_later_step_alone_may_have_run_on_the_battery() -> None:
    def unplug(document: Document) -> None:
        flag = {"name": "on-battery", "severity": "warning", "message": "On its battery."}
        document["run"]["flags"].append(flag)

    assert validate_changed(unplug).ruling is Ruling.CLOSED
