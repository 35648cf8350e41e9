"""What people see of a latency promise: lines, figures and charts."""

from typing import Any

import pytest

from nobs.render.costs import render_costs
from nobs.report.compare import compare_reports
from nobs.report.leaderboard import arrange, flatten
from nobs.report.price import Price, Prices, price_figures
from nobs.report.ratio import Finding
from nobs.report.reading import read_figures
from nobs.schema.enums import Backend, Status
from nobs.schema.report import Report
from nobs.tasks.charts import Point
from nobs.tasks.chat.client_cost import ClientCost
from nobs.tasks.chat.guard import STOPPED
from nobs.tasks.chat.load_lines import load_lines
from nobs.tasks.chat.load_report import LoadTable
from nobs.tasks.chat.options import SLO
from nobs.tasks.chat.promise import Promise
from nobs.tasks.chat.promise_figures import PROMISE_CHARTS, PROMISE_FIGURES
from nobs.tasks.chat.search import Ended
from nobs.tasks.chat.task import ChatTask
from nobs.tasks.figures import Measured
from nobs.tasks.llms.definition import DEFINITION as LLMS
from nobs.tasks.llms.report import LlmModelReport
from nobs.tasks.vlms.definition import DEFINITION as VLMS
from tests.fakes.queueing import Md1, SimulatedLoad
from tests.fakes.reports import LLM, make_report

PROMISE = Promise(ttft_s=0.06, latency_s=0.06)


@pytest.fixture(scope="module")
def table() -> LoadTable:
    load = SimulatedLoad(queue=Md1(service_s=0.01), promise=PROMISE, seed=1, count=600)
    answer = load.search(first_rate=20.0)
    return LoadTable(
        levels=tuple(load.levels), arrivals="poisson", seed=1, knee=None, promise=answer
    )


def model(table: LoadTable, **changes: Any) -> LlmModelReport:
    assert table.promise is not None
    answer = table.promise.model_copy(update=changes)
    load = table.model_copy(update={"promise": answer})
    return LlmModelReport(model_name="m", device=Backend.CPU, status=Status.OK, load=load)


def report(table: LoadTable, host: str = "box", **changes: Any) -> Report:
    """Return a report of an LLM with every rate that has a cost."""
    document = make_report(host, tasks=("llms",)).model_dump(mode="json", by_alias=True)
    load = model(table, **changes).load
    assert load is not None
    found = {"load": load.model_dump(mode="json"), "final_median_prefill_tokens_per_sec": 2000.0}
    document["tasks"][0]["models"][LLM] |= found
    return Report.model_validate(document)


def test_levels_percentiles_and_answer_are_lines_of_80_columns_at_most(table: LoadTable) -> None:
    lines = list(load_lines(model(table)))
    start = lines.index("  SLO: 95 % of requests: TTFT up to 60.0 ms, latency up to 60.0 ms")
    first, over = table.levels[0], table.levels[3]
    assert first.promise is not None
    assert over.promise is not None

    assert max(map(len, lines)) <= 80
    assert lines[start + 2].split()[:4] == ["20", "req/s", "holds", "100.0"]
    assert lines[start + 1 + len(table.levels)].split()[:3] == ["160", "req/s", "fails"]
    times = start + 2 + len(table.levels)
    assert lines[times].split() == ["load", "TTFT", "p95", "latency", "p95"]
    assert lines[times + 1].count("(") == 2
    assert any("withheld: too few" in line for line in lines[times:])


def test_the_answer_is_in_words(table: LoadTable) -> None:
    changes = {
        "holds_at": 12.0, "fails_at": 16.0, "estimate": 13.37, "axis": "concurrency",
        "peak_at": 32.0, "peak_requests_per_sec": 34.25, "peak_tokens_per_sec": 512.0,
        "goodput_at": 12.0, "goodput_per_sec": 30.0, "user_tokens_per_sec": 20.0,
        "system_at": 14.0, "system_tokens_per_sec": 480.0,
    }  # fmt: skip

    assert list(load_lines(model(table, **changes)))[-6:] == [
        "  SLO holds at concurrency 12, fails at concurrency 16 (95 % confidence)",
        "  estimated bound: concurrency 13",
        "  highest throughput: 34.2 requests/s, 512 tokens/s, at concurrency 32",
        "  highest goodput: 30.0 requests/s, at concurrency 12",
        "  480 tokens/s in all while 95 % of requests get at least 20 tokens/s each,",
        "    at concurrency 14",
    ]


def test_a_level_at_which_the_client_was_the_limit_has_no_verdict(table: LoadTable) -> None:
    busy = ClientCost(processes=1, cpu_share=0.9, cpu_cores=0.9, lag_mean_s=0.0, lag_p99_s=0.0)
    first = table.levels[0].model_copy(update={"client": busy})
    found = table.model_copy(update={"levels": (first, *table.levels[1:])})
    rows = [line.split()[:3] for line in load_lines(model(found))]

    assert ["20", "req/s", "client"] in rows
    assert ["40", "req/s", "holds"] in rows


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"holds_at": None}, "  SLO holds at no level, fails at 80 requests/s"),
        ({"fails_at": None}, "  SLO holds at 40 requests/s, fails at no level"),
        (
            {"holds_at": None, "fails_at": None},
            "  no level is certain to keep the SLO, none to break it (95 % confidence)",
        ),
        (
            {"fails_at": None, "ended": Ended.NEVER_FAILS},
            "  even the highest load that NOBS tries keeps it: give a stricter --slo",
        ),
        ({"ended": Ended.NEVER_HOLDS}, "  even requests without a queue break it"),
        ({"ended": Ended.STOPPED}, "  the search ended where no request was answered any more"),
        ({"ended": Ended.SENDER}, "  the search ended where the client was the limit"),
        (
            {"user_tokens_per_sec": 20.0},
            "  at no level 95 % of requests get at least 20 tokens/s each",
        ),
    ],
)
def test_what_was_not_found_is_said(table: LoadTable, changes: dict[str, Any], said: str) -> None:
    lines = list(load_lines(model(table, **({"holds_at": 40.0, "fails_at": 80.0} | changes))))

    assert any(line.startswith(said) for line in lines)
    assert max(map(len, lines)) <= 80


def test_levels_without_a_steady_state_are_not_judged(table: LoadTable) -> None:
    few = tuple(e.model_copy(update={"steady": None, "promise": None}) for e in table.levels[:2])
    lines = list(
        load_lines(
            model(table.model_copy(update={"levels": few}), holds_at=None, fails_at=None,
                  estimate=None, peak_requests_per_sec=None, goodput_per_sec=None,
                  user_tokens_per_sec=20.0)
        )
    )  # fmt: skip

    assert lines[-1] == "  no level has a steady state, so the SLO isn't judged"
    assert lines[-2].split()[:4] == ["40", "req/s", "no", "figure"]


def test_a_level_at_which_the_server_stopped_fails_in_its_row_too(table: LoadTable) -> None:
    last = table.levels[-1].model_copy(
        update={"steady": None, "promise": None, "ended_early": STOPPED, "rate_per_s": 999.0}
    )
    found = table.model_copy(update={"levels": (*table.levels[:-1], last)})
    rows = [line.split()[:4] for line in load_lines(model(found))]

    assert ["999", "req/s", "fails", "-"] in rows


def test_the_bound_is_a_figure_of_its_axis_with_the_interval(table: LoadTable) -> None:
    figures = {figure.key: figure for figure in LLMS.figures}
    told = model(table, holds_at=20.0, fails_at=80.0, estimate=70.0)
    users = model(table, holds_at=8.0, fails_at=None, axis="concurrency")
    bound = figures["promised_requests_per_sec"]

    assert bound.read(told) == Measured(value=70.0, low=20.0, high=80.0, confidence=0.95)
    assert bound.read(users) is None
    between = model(table, holds_at=4.0, fails_at=5.0, estimate=4.61, axis="concurrency")
    found = figures["promised_concurrency"].read(between)
    assert found == Measured(value=4.0, low=4.0, high=5.0, confidence=0.95)
    assert figures["promised_concurrency"].read(users) == Measured(value=8.0)
    assert table.levels[0].steady is not None
    assert figures["promised_tokens_per_sec"].read(told) == Measured(
        value=table.levels[0].steady.tokens_per_sec or 0.0
    )
    assert table.promise is not None
    goodput = figures["goodput_requests_per_sec"].read(told)
    assert goodput == Measured(value=table.promise.goodput_per_sec or 0.0)


def test_the_promised_load_has_a_cost_of_its_own(table: LoadTable) -> None:
    def costs(price: Price) -> dict[str, Measured]:
        told = model(table, holds_at=20.0, fails_at=80.0)
        return price_figures(LLMS, told, read_figures(LLMS, told), price)

    steady = table.levels[0].steady
    assert steady is not None
    rented = costs(Price(source="--price", usd_per_hour=3.6))
    # Power is that of the repeats, not of a load.
    metered = costs(Price(source="--price", usd_per_hour=3.6, usd_per_kwh=0.3))

    for kind, rate in (("output", steady.tokens_per_sec), ("input", steady.input_tokens_per_sec)):
        key = f"usd_per_1m_{kind}_tokens_promised"
        assert rented[key].value == pytest.approx(1e-3 / (rate or 0.0) * 1e6)
        assert rented[key].value > rented[f"usd_per_1m_{kind}_tokens_under_load"].value
        assert key not in metered


def test_all_costs_of_a_model_fit_80_columns(table: LoadTable) -> None:
    name = "OpenStack Nova 26.3.1 A100 80GB"
    prices = Prices(machines={name: Price(source="--price", usd_per_hour=3.6)})
    text = render_costs(arrange([flatten("a", report(table, host=name), prices)]))
    shown, _, _ = text.partition("Claimed price")

    assert max(map(len, text.splitlines())) <= 80
    assert (shown.count("$"), shown.count("SLO")) == (6 + 6 + 6, 2 + 2 * 2)
    assert {*name.split()} <= {*shown.split()}


@pytest.mark.parametrize("task", [LLMS, VLMS])
def test_both_tasks_with_chats_have_the_figures_and_charts(task: ChatTask) -> None:
    assert {figure.key for figure in PROMISE_FIGURES} <= {figure.key for figure in task.figures}
    assert {chart.key for chart in PROMISE_CHARTS} <= {chart.key for chart in task.charts}
    assert SLO in task.options


def test_the_chart_of_goodput_is_in_the_order_of_the_load(table: LoadTable) -> None:
    charts = {chart.key: chart for chart in LLMS.charts}
    points = [p for p in charts["goodput_by_rate"].read(model(table)) if isinstance(p, Point)]

    assert len(points) == len(table.levels)
    assert [point.x for point in points] == sorted(point.x for point in points)
    assert charts["goodput_by_concurrency"].read(model(table)) == []


def test_two_reports_compare_by_bound_and_goodput_without_a_conclusion(table: LoadTable) -> None:
    one, two = report(table, goodput_per_sec=40.0), report(table, goodput_per_sec=50.0)
    lines = {line.figure.key: line for line in compare_reports(one, two, names=("a", "b")).lines}
    goodput = lines["goodput_requests_per_sec"]

    assert (goodput.baseline, goodput.other) == (40.0, 50.0)
    assert goodput.ratio.finding is Finding.UNKNOWN
    assert lines["promised_requests_per_sec"].ratio.value == pytest.approx(1.0)
    assert not goodput.is_headline
