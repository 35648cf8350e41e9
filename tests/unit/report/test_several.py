"""What the price of a machine means for its devices: the sum has it, a single one doesn't."""

from dataclasses import replace
from typing import Any

import pytest

from nobs.render.costs import render_costs
from nobs.render.ranking import ranking_text
from nobs.report.leaderboard import Leaderboard, arrange, flatten
from nobs.report.price import Prices, parse_prices
from nobs.report.rank import By, rank
from nobs.report.rank_sums import rank_sums
from nobs.report.several import describe_prices, sums_of
from nobs.schema.enums import Backend
from nobs.schema.report import Report
from tests.fakes.reports import EMBEDDING_MODELS, make_report
from tests.fakes.several import machine_at_once

FIRST = EMBEDDING_MODELS[0]
RENT = 7.2


def claims(*texts: str, **more: float | None) -> Prices:
    return Prices(machines=dict(parse_prices(texts)), **more)


def board(reports: list[Report], prices: Prices) -> Leaderboard:
    found = arrange([flatten(each.run.id, each, prices) for each in reports])
    return replace(found, price_notes=describe_prices(reports, prices))


def on_eight_gpus(**changes: Any) -> Report:
    environment = {"torch": {"device_count": 8}}
    return make_report("big", tasks=("embeddings",), environment=environment, **changes)


def test_a_sum_costs_what_the_whole_machine_costs() -> None:
    reports = machine_at_once(1.0, 1.0, 1.0)
    found = board(reports, claims(f"a host={RENT}/h"))
    (first, _) = found.sums
    together = first.together

    assert first.cost
    assert first.cost.value == pytest.approx(RENT / 3600 / together.aggregate_per_s * 1000)
    assert together.aggregate_low
    assert first.cost.high == pytest.approx(RENT / 3600 / together.aggregate_low * 1000)
    assert first.cost_label == "$/1,000 rows"
    shown = " ".join(render_costs(found).split())
    assert f"a host, embeddings/1 {FIRST}: 3 devices at once: $0.0193 per 1,000 rows" in shown
    assert "at the price of the whole machine a host: $7.2 per hour (--price)" in shown


@pytest.mark.parametrize("power", [None, 0.3])
def test_a_single_device_is_not_credited_with_the_price_of_its_machine(
    power: float | None,
) -> None:
    found = board(machine_at_once(1.0, 1.0, 1.0), claims(f"a host={RENT}/h", usd_per_kwh=power))
    shown = " ".join(render_costs(found).split())

    for table in found.tables:
        assert not [key for row in table.rows for key in row.figures if key.startswith("usd")]
    assert "Without a cost: a host cuda:0, a host cuda:1 and a host cuda:2. The price" in shown
    assert "of a host is for the whole machine" in shown
    assert "--price 'a host cuda:0=1.20/h'" in shown
    assert "Without a price" not in shown


def test_a_device_with_a_price_of_its_own_has_a_cost() -> None:
    prices = claims(f"a host={RENT}/h", "a host cuda:1=2.4/h")
    found = board(machine_at_once(1.0, 1.0, 1.0), prices)
    priced = {row.host for table in found.tables for row in table.rows if row.price}

    assert priced == {"a host cuda:1"}
    assert found.price_notes[0].names == (
        "a host cuda:0", "a host cuda:2",
        "a host cuda:0 at once", "a host cuda:1 at once", "a host cuda:2 at once",
    )  # fmt: skip


def test_the_missing_price_of_a_machine_is_asked_for_by_its_own_name() -> None:
    found = board(machine_at_once(1.0, 1.0, 1.0), claims("another=1/h"))
    shown = " ".join(render_costs(found).split())

    assert "cuda:2 and a host. Add --price 'a host cuda:0=2.49/h'" in shown
    assert "at once=2.49" not in shown


def test_a_run_on_one_of_many_gpus_says_whose_price_it_has() -> None:
    prices = claims("big=20/h")
    (row, _) = board([on_eight_gpus()], prices).tables[0].rows
    (note,) = describe_prices([on_eight_gpus()], prices)

    assert row.price == (
        "$20 per hour (--price) for the whole machine, of whose 8 GPUs the run used one"
    )
    assert note.text == (
        "The price of big is for the whole machine, of whose 8 GPUs the run used one."
    )


@pytest.mark.parametrize("device", ["cpu", "mps"])
def test_a_run_that_used_no_gpu_of_several_has_the_plain_price(device: str) -> None:
    report = on_eight_gpus(device=device) if device == "cpu" else make_report("big", device=device)

    assert describe_prices([report], claims("big=20/h")) == ()


def test_money_ranks_sums_by_the_price_of_the_machine_and_leaves_single_devices_out() -> None:
    prices = claims(f"a host={RENT}/h", "small=2/h")
    small = [
        each.model_copy(
            update={"device_info": each.device_info.model_copy(update={"host": "small"})}
        )
        for each in machine_at_once(0.5, 0.5, 0.5)
    ]
    small = [
        each.model_copy(update={"run": each.run.model_copy(update={"id": f"s-{each.run.id}"})})
        for each in small
    ]
    reports = [*machine_at_once(1.0, 1.0, 1.0), *small]
    (first, _) = rank_sums(reports, by=By.MONEY, prices=prices)

    assert rank(reports, by=By.MONEY, prices=prices) == []
    assert [place.machine for place in first.places] == ["small", "a host"]
    cheap, dear = first.places
    assert cheap.value == pytest.approx(dear.value * 2 * 2 / RENT, rel=0.02)
    assert cheap.price == cheap.value
    assert dear.to_best
    assert dear.to_best.value == pytest.approx(cheap.value / dear.value)
    text = " ".join(ranking_text([first]).split())
    assert "all devices at once" in text
    assert "Their price is that of the whole machine." in text


def test_sums_of_cores_are_those_of_the_processor_even_beside_a_gpu() -> None:
    report = machine_at_once(1.0, 1.0, 1.0)[-1]
    run = report.run.model_copy(update={"backend": Backend.CPU})
    (first, _) = sums_of(report.model_copy(update={"run": run}))

    assert report.device_info.gpu_name
    assert first.hardware == "3 devices; A processor (8)"


def test_throughput_of_all_devices_is_ranked_and_energy_is_not() -> None:
    (_, gte) = rank_sums(machine_at_once(1.0, 1.0, 0.7), by=By.THROUGHPUT, prices=Prices())
    (place,) = gte.places

    assert place.value == pytest.approx(93.17, rel=0.01)
    assert place.hardware == "3 devices; A GPU"
    assert place.reach
    assert place.reach < 0.01
    assert rank_sums(machine_at_once(1.0, 1.0, 1.0), by=By.ENERGY, prices=Prices()) == []
