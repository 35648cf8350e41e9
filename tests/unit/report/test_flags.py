from typing import Any

import pytest

from nobs.report.flags import find_flags, find_machine_flags
from nobs.schema.enums import Backend, Execution, Status
from nobs.schema.flags import FlagName, Severity
from nobs.schema.report import Finding, FindingKind, ModelReport, Verdict
from nobs.schema.result import Sample
from nobs.schema.telemetry import Evidence, Figure, LimitChange, Throttling
from tests.fakes.sensors import make_telemetry, throttling


def told(value: float) -> Figure:
    return Figure(value=value, evidence=Evidence.MEASURED, how="a sensor")


def model(verdict: Verdict | None = None, **seen: Any) -> ModelReport:
    """A model with what sensors saw over ten seconds."""
    return ModelReport(
        model_name="m", device=Backend.CUDA, status=Status.OK, verdict=verdict,
        telemetry=make_telemetry(**seen),
    )  # fmt: skip


def names(report: ModelReport) -> dict[FlagName, Severity]:
    return {flag.name: flag.severity for flag in find_flags(report)}


def test_a_quiet_machine_has_no_flags() -> None:
    assert names(model(throttling=throttling({"idle": 0.3, "application-clocks": 1.0}))) == {}
    host = {"cpu_governor": "performance", "cpu_turbo": True, "on_battery": False}
    assert list(find_machine_flags(host, Execution.NATIVE)) == []


def test_a_machine_that_tells_nothing_has_no_flags() -> None:
    bare = ModelReport(model_name="m", device=Backend.CPU, status=Status.OK)

    assert [*find_flags(bare), *find_machine_flags({}, Execution.NATIVE)] == []


@pytest.mark.parametrize(
    "seen",
    [
        throttling({"hardware-thermal": 0.12}),
        throttling({"software-thermal": 0.02, "hardware-slowdown": 0.01}),
        throttling({}, {"thermal": 0.5}),
    ],
)
def test_heat_is_a_warning(seen: Throttling) -> None:
    assert names(model(throttling=seen)) == {FlagName.THROTTLED: Severity.WARNING}


def test_the_sentence_names_the_strongest_reason() -> None:
    seen = throttling({"software-thermal": 0.02, "hardware-thermal": 0.12})
    (flag,) = find_flags(model(throttling=seen))

    assert flag.message == "a GPU was throttled for 12.0 % of the time (hardware-thermal)."


def test_a_moment_of_heat_is_none() -> None:
    assert names(model(throttling=throttling({"hardware-thermal": 0.005}, {"thermal": 0.05}))) == {}


def test_a_limit_that_the_driver_does_not_name_is_a_note() -> None:
    assert names(model(throttling=throttling({"power-or-heat": 0.9}))) == {
        FlagName.THROTTLED: Severity.NOTE
    }


@pytest.mark.parametrize(
    ("device", "severity"),
    [
        ({"throttling": throttling({"software-power-cap": 0.8})}, Severity.NOTE),
        ({"throttling": throttling({}, {"power": 8.0})}, Severity.NOTE),
        ({"power_limit_w": told(450.0), "default_power_limit_w": told(700.0)}, Severity.WARNING),
    ],
)
def test_a_power_limit_is_a_note_and_a_lowered_one_a_warning(
    device: dict[str, Any], severity: Severity
) -> None:
    assert names(model(**device)) == {FlagName.POWER_CAPPED: severity}


@pytest.mark.parametrize(("share", "flagged"), [(0.04, False), (0.05, True)])
def test_a_moment_at_the_power_limit_is_none(share: float, *, flagged: bool) -> None:
    found = names(model(throttling=throttling({"software-power-cap": share})))

    assert (FlagName.POWER_CAPPED in found) is flagged


@pytest.mark.parametrize(("mean", "flagged"), [(455.0, False), (480.0, True)])
def test_a_power_limit_that_is_exceeded_is_not_effective(mean: float, *, flagged: bool) -> None:
    found = names(model(power_limit_w=told(450.0), mean_power_w=told(mean)))

    assert (FlagName.CAP_EXCEEDED in found) is flagged


@pytest.mark.parametrize(
    ("link", "message"),
    [
        ({"pcie_width_min": told(4.0), "max_pcie_width": told(16.0)}, "4 lanes under load"),
        ({"pcie_generation_min": told(3.0), "max_pcie_generation": told(5.0)}, "generation 3"),
    ],
)
def test_a_narrow_link_is_a_warning(link: dict[str, Any], message: str) -> None:
    (flag,) = find_flags(model(**link))

    assert (flag.name, flag.severity) == (FlagName.NARROW_LINK, Severity.WARNING)
    assert message in flag.message


def test_a_full_link_has_no_flag() -> None:
    lanes, generation = told(16.0), told(5.0)
    full = model(
        pcie_width_min=lanes, max_pcie_width=lanes,
        pcie_generation_min=generation, max_pcie_generation=generation,
    )  # fmt: skip

    assert names(full) == {}


@pytest.mark.parametrize(("quota", "flagged"), [(None, False), (8.0, False), (1.5, True)])
def test_a_quota_of_the_cgroup_is_a_warning(quota: float | None, *, flagged: bool) -> None:
    host = {"cpu_limit_cores": quota, "logical_cores": 8}
    found = find_machine_flags(host, Execution.NATIVE)

    assert [flag.message for flag in found] == [
        "The cgroup limits the run to 1.5 of 8 CPU cores."
    ] * flagged


@pytest.mark.parametrize(("clock", "flagged"), [(1.21e9, False), (1.755e9, True)])
def test_a_clock_above_its_limit_shows_that_the_limit_is_not_effective(
    clock: float, *, flagged: bool
) -> None:
    found = list(find_flags(model(clock_limit_hz=told(1.2e9), clock_median_hz=told(clock))))

    assert [flag.message for flag in found] == [
        "a GPU ran at 1755 MHz, but it is limited to 1200 MHz."
    ] * flagged


@pytest.mark.parametrize(
    ("quota", "cpu_s", "timed_s", "flagged"),
    [(1.0, 1.8, 1.0, True), (1.0, 1.02, 1.0, False), (2.0, 1.8, 1.0, False), (None, 9, 1, False),
     (1.0, 0.18, 0.1, False)],
)  # fmt: skip
def test_a_quota_below_the_cpu_time_that_was_used_is_not_effective(
    quota: float | None, cpu_s: float, timed_s: float, *, flagged: bool
) -> None:
    report = model()
    assert report.telemetry
    telemetry = report.telemetry.model_copy(update={"cpu_limit_cores": quota})
    sample = Sample(start_s=0.0, duration_s=timed_s, units=1, cpu_time_s=cpu_s)
    used = report.model_copy(update={"telemetry": telemetry, "samples": (sample, sample)})

    assert [flag.message for flag in find_flags(used)] == [
        "The run used 1.8 CPU cores, but its cgroup allows 1."
    ] * flagged


def test_a_limit_that_was_raised_meanwhile_is_not_taken_for_an_ineffective_one() -> None:
    report = model(power_limit_w=told(300.0), mean_power_w=told(400.0))
    raised = LimitChange(device="a GPU", limit="power_limit_w", before=300.0, after=450.0,
                         first_repeat=1, last_repeat=1)  # fmt: skip
    assert report.telemetry
    telemetry = report.telemetry.model_copy(update={"limit_changes": (raised,)})

    assert set(names(report)) == {FlagName.CAP_EXCEEDED}
    changed = report.model_copy(update={"telemetry": telemetry})
    assert set(names(changed)) == {FlagName.LIMIT_CHANGED}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (LimitChange(device="A GPU", limit="power_limit_w", before=450.0, after=300.0,
                     first_repeat=7, last_repeat=7),
         "The power limit of A GPU changed from 450 W to 300 W in repeat 7 of 20."),
        (LimitChange(device="system", limit="cpu_limit_cores", before=None, after=1.5,
                     first_repeat=5, last_repeat=9),
         "The CPU quota in cores changed from none to 1.5 in repeats 5 to 9 of 20."),
        (LimitChange(device="A GPU", limit="persistence_mode", before=True, after=False,
                     first_repeat=20, last_repeat=20),
         "The persistence mode of A GPU changed from on to off in repeat 20 of 20."),
    ],
)  # fmt: skip
def test_a_limit_that_changed_between_repeats_is_a_warning(
    change: LimitChange, message: str
) -> None:
    report = model()
    assert report.telemetry
    telemetry = report.telemetry.model_copy(update={"limit_changes": (change,)})
    sample = Sample(start_s=0.0, duration_s=0.5, units=1, cpu_time_s=0.0)
    changed = report.model_copy(update={"telemetry": telemetry, "samples": (sample,) * 20})
    (flag,) = find_flags(changed)

    assert (flag.name, flag.severity) == (FlagName.LIMIT_CHANGED, Severity.WARNING)
    assert flag.message == message


@pytest.mark.parametrize(("others", "flagged"), [(0.0, False), (1.0, True)])
def test_processes_of_others_on_the_device(others: float, *, flagged: bool) -> None:
    assert (FlagName.FOREIGN_PROCESS in names(model(foreign_processes=told(others)))) is flagged


@pytest.mark.parametrize(("swapped", "flagged"), [(4096.0, False), (1048576.0, True)])
def test_swapping(swapped: float, *, flagged: bool) -> None:
    assert (FlagName.SWAPPING in names(model(swapped=told(swapped)))) is flagged


@pytest.mark.parametrize(
    ("foreign_cpu_s", "when"),
    [(1.0, ""), (None, " before the repeats, while the server was idle")],
)
def test_a_busy_machine_is_what_the_verdict_found(foreign_cpu_s: float | None, when: str) -> None:
    sample = Sample(
        start_s=0.0, duration_s=1.0, units=1, cpu_time_s=0.0, foreign_cpu_s=foreign_cpu_s
    )
    finding = Finding(kind=FindingKind.FOREIGN_CPU, value=1.0, message="busy")
    verdict = Verdict(stable=False, uncertainty=0.1, spread=0.1, findings=(finding,))
    seen = model(verdict=verdict).model_copy(update={"samples": (sample,)})
    (flag,) = find_flags(seen)

    assert flag.message == f"Other processes kept 1.0 CPU cores busy{when}."


def test_time_that_a_hypervisor_took_is_what_the_verdict_found() -> None:
    finding = Finding(kind=FindingKind.STOLEN_CPU, value=0.04, message="stolen")
    verdict = Verdict(stable=False, uncertainty=0.1, spread=0.1, findings=(finding,))
    (flag,) = find_flags(model(verdict=verdict))

    assert flag.message == "The hypervisor gave 4.0 % of the CPU time to other machines."


@pytest.mark.parametrize(
    ("host", "execution", "flags"),
    [
        ({"on_battery": True}, Execution.NATIVE, {FlagName.ON_BATTERY: Severity.WARNING}),
        ({"cpu_governor": "powersave"}, Execution.NATIVE, {FlagName.GOVERNOR: Severity.NOTE}),
        ({"cpu_turbo": False}, Execution.NATIVE, {FlagName.TURBO_OFF: Severity.NOTE}),
        ({"hypervisor": "KVM"}, Execution.NATIVE, {FlagName.VIRTUAL_MACHINE: Severity.NOTE}),
        ({"container_runtime": "docker"}, Execution.NATIVE, {FlagName.CONTAINER: Severity.NOTE}),
        ({}, Execution.CONTAINER, {FlagName.CONTAINER: Severity.NOTE}),
    ],
)
def test_what_a_machine_is_or_was_set_to(
    host: dict[str, Any], execution: Execution, flags: dict[FlagName, Severity]
) -> None:
    assert {f.name: f.severity for f in find_machine_flags(host, execution)} == flags
