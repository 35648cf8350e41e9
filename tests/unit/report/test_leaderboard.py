from typing import Any

import pytest

from nobs.render import FORMATS
from nobs.report.leaderboard import arrange, flatten
from nobs.report.price import Prices, parse_prices
from nobs.schema.enums import Backend
from nobs.schema.report import Report
from nobs.tasks.charts import MAX_SOURCE, Picture
from nobs.text import to_line
from tests.fakes.honest_reports import honest_report
from tests.fakes.picture_charts import give_pictures, png_source
from tests.fakes.reports import LLM, bare_report, failed_report, make_report, max_report


def test_closed_and_open_results_never_share_a_table() -> None:
    sheets = [
        flatten("a", make_report("a", run="a", speed=1.0)),
        flatten("b", make_report("b", run="b", speed=9.0, division="open")),
    ]
    tables = [(table.workload, table.division) for table in arrange(sheets).tables]

    assert tables == [("embeddings/1", "closed"), ("llms/1", "closed"),
                      ("embeddings/1", "open"), ("llms/1", "open")]  # fmt: skip


@pytest.mark.parametrize("speeds", [(1.0, 3.0, 2.0), (3.0, 2.0, 1.0)])
def test_rows_are_ranked_by_their_first_figure(speeds: tuple[float, ...]) -> None:
    sheets = [
        flatten("", make_report(f"{speed}", run=f"{speed}", speed=speed, tasks=("llms",)))
        for speed in speeds
    ]
    (table,) = arrange(sheets).tables

    assert table.headline.key == "tokens_per_sec"
    assert [row.host for row in table.rows] == ["3.0", "2.0", "1.0"]


def test_failed_rows_have_no_rank_and_say_why() -> None:
    (table,) = arrange([flatten("a", failed_report())]).tables

    assert [row.status for row in table.rows] == ["ok", "failed"]
    assert table.rows[1].why == "oom: Too big."
    assert [rank for rank, _ in table.ranked()] == [1, None]


def test_what_is_missing_is_left_out() -> None:
    sheet = flatten("a", bare_report())

    assert [(row.status, row.figures, row.why) for _, row in sheet.rows] == [
        ("ok", {}, ""),
        ("lost", {}, "unknown reason"),
    ]
    assert sheet.machine.environment == {}


def test_tables_of_one_work_stand_together() -> None:
    reports = [max_report("a", run="b", speed=2.0), make_report("a", run="a")]
    tables = arrange([flatten("", report) for report in reports]).tables

    assert [table.workload for table in tables] == ["embeddings/1", "embeddings-max/1", "llms/1"]


def test_machines_that_look_the_same_are_told_apart() -> None:
    reports = [make_report(host, run=run) for host, run in (("a", "1"), ("a", "2"), ("b", "3"))]
    table = arrange([flatten("", report) for report in reports]).tables[0]

    assert {row.run for row in table.rows if table.is_ambiguous(row)} == {"1", "2"}


def under(host: str, governor: str, **more: Any) -> Report:
    environment = {"host": {"cpu_governor": governor, "cpu_turbo": False}}
    return make_report(host, run=host, tasks=("llms",), environment=environment, **more)


def test_rows_of_one_hardware_under_other_limits_are_marked_in_every_format() -> None:
    reports = [under("a", "performance"), under("b", "powersave"), under("c", "performance")]
    board = arrange([flatten(each.run.id, each) for each in reports])
    rows = {row.host: row for row in board.tables[0].rows}

    assert {host: row.under for host, row in rows.items()} == {
        "a": "governor performance", "b": "governor powersave", "c": "governor performance",
    }  # fmt: skip
    assert rows["b"].limits == ("governor powersave", "turbo off")
    for form in FORMATS:
        assert "governor powersave" in FORMATS.load(form)(board), form


def test_rows_under_the_same_limits_and_of_other_hardware_are_not_marked() -> None:
    same = [under("a", "powersave"), under("b", "powersave")]
    other = under("c", "performance", gpu="Another GPU")
    board = arrange([flatten(each.run.id, each) for each in (*same, other)])

    assert [row.under for row in board.tables[0].rows] == ["", "", ""]


def test_what_was_found_in_the_repeats_is_a_flag() -> None:
    report = make_report(tasks=("llms",))
    values = report.model_dump(mode="json", by_alias=True)
    finding = {"kind": "drift", "value": 0.1, "message": "each repeat slower than the last"}
    values["tasks"][0]["models"][LLM]["verdict"] = {
        "stable": False, "uncertainty": 0.1, "spread": 0.1, "findings": [finding],
    }  # fmt: skip
    sheet = flatten("a", type(report).model_validate(values))

    assert sheet.rows[0][1].warnings == ("each repeat slower than the last",)
    assert sheet.machine.flags == (f"{LLM}: each repeat slower than the last",)


def test_what_speaks_against_numbers_is_told_apart_from_notes() -> None:
    values = make_report(tasks=("llms",)).model_dump(mode="json", by_alias=True)
    warning = {"name": "on-battery", "severity": "warning", "message": "A battery."}
    note = {"name": "virtual-machine", "severity": "note", "message": "It is virtual."}
    values["run"]["flags"] = [note, warning]
    values["tasks"][0]["models"][LLM]["flags"] = [note, warning]
    sheet = flatten("a", Report.model_validate(values))

    assert sheet.machine.flags == ("on-battery: A battery.", f"{LLM}: on-battery: A battery.")
    assert [text.split(": ")[-1] for text in sheet.machine.notes] == 2 * ["It is virtual."]
    assert sheet.rows[0][1].warnings[0] == "on-battery: A battery."


def test_repeats_are_told_with_their_times() -> None:
    ((_, row), _) = flatten("a", make_report(tasks=("embeddings",))).rows

    assert row.starts_s[0] == 0.0
    assert list(row.starts_s) == sorted(row.starts_s)
    assert len(row.samples) == len(row.starts_s) == 7


def test_the_machine_is_told_in_words() -> None:
    machine = flatten("file", make_report("a host")).machine

    assert machine.environment["libraries.torch"] == "2.11.0"
    assert machine.device["gpu_name"] == "A GPU"
    assert machine.details["execution"] == "native"


def test_sensors_are_told_with_their_evidence() -> None:
    sensors = flatten("a", honest_report()).machine.sensors

    assert "sentence-transformers/all-MiniLM-L6-v2, A processor: mean_power_w" in sensors
    assert all("(measured: a meter)" in value for value in sensors.values())


def test_a_row_names_the_device_that_computed_though_the_report_names_another() -> None:
    honest = honest_report()
    gpu = {"device": Backend.CUDA, "gpu_name": "NVIDIA GeForce RTX 4090", "gpu_memory_gb": 23.99}
    ((name, model),) = honest.tasks[0].models.items()
    check = model.checks[0].model_copy(update={"device_name": "NVIDIA GeForce RTX 3060"})
    seen = model.model_copy(update={"device": Backend.CUDA, "checks": (check,)})
    report = honest.model_copy(
        update={
            "device_info": honest.device_info.model_copy(update=gpu),
            "tasks": (honest.tasks[0].model_copy(update={"models": {name: seen}}),),
        }
    )

    sheet = flatten("a", report)

    assert [row.hardware for _, row in sheet.rows] == ["NVIDIA GeForce RTX 3060"]
    assert sheet.machine.hardware == "NVIDIA GeForce RTX 3060"


def test_only_pictures_that_a_page_may_show_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    good = png_source((255, 0, 0))
    sources = (good, png_source((0, 0, 255), "jpeg"), "https://example.org/a.png", "a.png",
               "data:image/svg+xml;base64,PHN2Zy8+", f"{good}\n", f'{good}" onload="',
               f"data:image/png;base64,{'A' * MAX_SOURCE}", "")  # fmt: skip
    give_pictures(monkeypatch, [Picture(source=each, text="a\x1b[31m three") for each in sources])
    (table, *_) = arrange([flatten("a", make_report("a", tasks=("embeddings",)))]).tables

    assert table.rows[0].charts["made"] == tuple(
        Picture(source=each, text=to_line("a\x1b[31m three")) for each in sources[:2]
    )


def test_nodes_of_one_model_are_told_apart_and_share_the_price_of_the_model() -> None:
    prices = Prices(machines=dict(parse_prices(["a host=2/h", "a host@n2=3/h"])))
    reports = []
    for node in ("n1", "n2"):
        report = make_report(run=node, tasks=("embeddings",))
        run = report.run.model_copy(update={"node": node})
        reports.append(report.model_copy(update={"run": run}))
    (table,) = arrange([flatten(report.run.id, report, prices) for report in reports]).tables

    assert {row.host: row.price for row in table.rows} == {
        "a host@n1": "$2 per hour (--price)", "a host@n2": "$3 per hour (--price)",
    }  # fmt: skip
