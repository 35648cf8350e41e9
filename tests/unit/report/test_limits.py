from nobs.render.comparison import comparison_text
from nobs.report.compare import compare_reports
from nobs.report.limits import describe_other_limits, limits_of
from nobs.report.machine import describe_host
from nobs.schema.report import Report
from nobs.schema.telemetry import Evidence, Figure, LimitChange
from tests.fakes.honest_reports import honest_report
from tests.fakes.sensors import make_telemetry


def told(value: float) -> Figure:
    return Figure(value=value, evidence=Evidence.MEASURED, how="a sensor")


def limited() -> Report:
    report = honest_report()
    task = report.tasks[0]
    telemetry = make_telemetry(
        power_limit_w=told(450.0), pcie_width_min=told(8.0), pcie_generation_min=told(4.0)
    )
    models = {
        name: model.model_copy(update={"telemetry": telemetry})
        for name, model in task.models.items()
    }
    host = {"cpu_limit_cores": 1.5, "affinity_cores": 4, "logical_cores": 8,
            "cpu_governor": "powersave", "cpu_turbo": False}  # fmt: skip
    tasks = (task.model_copy(update={"models": models}),)
    return report.model_copy(update={"tasks": tasks, "environment": {"host": host}})


def test_limits_of_host_and_devices_are_listed_once() -> None:
    assert limits_of(limited()) == (
        "1.5 CPU cores by the cgroup", "4 hardware threads by affinity", "governor powersave",
        "turbo off", "power limit 450 W", "PCIe 4 x8",
    )  # fmt: skip


def test_they_stand_on_the_page_of_the_machine() -> None:
    assert "power limit 450 W" in describe_host("report.json", limited()).details["limits"]


def test_an_environment_of_another_kind_has_none() -> None:
    report = honest_report().model_copy(update={"environment": {"host": "a name"}})

    assert limits_of(report) == ()


def with_card(**facts: object) -> Report:
    environment = {"devices": [{"name": "a GPU", **facts}, "not a card"]}
    return honest_report().model_copy(update={"environment": environment})


def test_modes_and_a_clock_set_below_the_usual_one_are_limits() -> None:
    report = with_card(
        persistence_mode=False, ecc=True, compute_mode="exclusive process",
        set_clock_hz=1.2e9, default_set_clock_hz=1.98e9,
    )  # fmt: skip

    assert limits_of(report) == (
        "clock set to 1200 MHz", "compute mode exclusive process", "persistence mode off",
        "ECC on",
    )  # fmt: skip
    assert limits_of(with_card(set_clock_hz=1.98e9, default_set_clock_hz=1.98e9)) == ()


def test_placement_on_several_nodes_and_a_lowered_cpu_clock_are_limits() -> None:
    host = {"numa_nodes": "0-1", "numa_cpu_nodes": "0", "numa_memory_nodes": "1",
            "numa_policy": "bind:1", "cpu_max_hz": 2.1e9, "cpu_hardware_max_hz": 3.8e9}  # fmt: skip
    cards = [{"name": "a GPU", "numa_node": 1}]
    report = honest_report().model_copy(update={"environment": {"host": host, "devices": cards}})

    assert limits_of(report) == (
        "CPUs of NUMA node 0", "memory of NUMA node 1", "memory policy bind:1",
        "CPU clock up to 2100 MHz", "GPU on NUMA node 1",
    )  # fmt: skip
    plain = {"numa_nodes": "0", "cpu_max_hz": 3.8e9, "cpu_hardware_max_hz": 3.8e9}
    same = report.model_copy(update={"environment": {"host": plain, "devices": cards}})
    assert limits_of(same) == ()


def test_a_clock_that_only_the_samples_show_to_be_locked_is_a_limit() -> None:
    report = limited()
    (name, model), *_ = report.tasks[0].models.items()
    held = Figure(value=1.2e9, evidence=Evidence.ESTIMATED, how="samples")
    task = report.tasks[0].model_copy(
        update={"models": {name: model.model_copy(
            update={"telemetry": make_telemetry(clock_limit_hz=held)}
        )}}
    )  # fmt: skip

    assert limits_of(report.model_copy(update={"tasks": (task,), "environment": {}})) == (
        "clock held at 1200 MHz",
    )


def test_a_run_whose_limit_changed_is_no_run_under_either() -> None:
    report = limited()
    (name, model), *_ = report.tasks[0].models.items()
    assert model.telemetry
    change = LimitChange(device="a GPU", limit="power_limit_w", before=450.0, after=300.0,
                         first_repeat=2, last_repeat=2)  # fmt: skip
    telemetry = model.telemetry.model_copy(update={"limit_changes": (change,)})
    models = {name: model.model_copy(update={"telemetry": telemetry})}
    task = report.tasks[0].model_copy(update={"models": models})
    changed = report.model_copy(update={"tasks": (task,)})

    assert limits_of(changed) == (
        *limits_of(report), "power limit of a GPU changed from 450 W to 300 W",
    )  # fmt: skip


def test_reports_under_other_limits_are_compared_with_a_warning() -> None:
    found = compare_reports(with_card(ecc=True), with_card(ecc=False), names=("a", "b"))
    text = comparison_text([found])

    assert found.other_limits is not None
    assert found.other_limits.endswith("ECC on -> ECC off")
    assert "other limits in force, so the ratio isn't that of the hardware" in text.replace(
        "\n  ", " "
    )
    same = compare_reports(with_card(ecc=True), with_card(ecc=True), names=("a", "b"))
    assert same.other_limits is None


def test_a_quota_that_only_one_has_is_a_difference() -> None:
    found = describe_other_limits(honest_report(), limited())

    assert found is not None
    assert "none of these -> 1.5 CPU cores by the cgroup" in found
