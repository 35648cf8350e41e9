"""Several devices of one machine, in every format of `nobs report`."""

import json
from dataclasses import replace

import pytest

from nobs.render import FORMATS
from nobs.render.html import page_data
from nobs.render.overview import render_overview
from nobs.render.table import render_table
from nobs.report.devices import describe_devices
from nobs.report.leaderboard import Leaderboard, arrange, flatten
from nobs.report.price import Prices, parse_prices
from nobs.report.several import describe_prices
from tests.fakes.reports import EMBEDDING_MODELS, HOSTILE, make_report
from tests.fakes.several import machine_at_once

FIRST = EMBEDDING_MODELS[0]


def board(*claims: str) -> Leaderboard:
    reports = machine_at_once(1.0, 1.0, 0.7)
    prices = Prices(machines=dict(parse_prices(claims)))
    found = arrange([flatten(each.run.id, each, prices) for each in reports])
    return replace(
        found, devices=describe_devices(reports), price_notes=describe_prices(reports, prices)
    )


def test_a_sum_stands_once_whatever_the_number_of_its_reports() -> None:
    sums = [(each.machine, each.together.model) for each in board().sums]

    assert sums == [("a host", model) for model in EMBEDDING_MODELS]


@pytest.mark.parametrize("form", ["table", "markdown", "json", "html"])
def test_a_format_shows_sum_efficiency_the_worst_device_and_the_odd_one(form: str) -> None:
    shown = " ".join(FORMATS.load(form)(board()).split())
    (first, _) = board().sums

    assert "cuda:2 stands out" in shown
    assert "the others of its model" in shown
    if form == "json":
        (one, _) = json.loads(FORMATS.load(form)(board()))["sums"]
        assert (one["worst"], one["efficiency"]) == ("cuda:2", first.together.efficiency)
        assert one["aggregate_per_s"] == first.together.aggregate_per_s
    else:
        assert "3 devices at once" in shown
        assert f"scaling efficiency {first.together.efficiency:.3f}" in shown
        assert f"aggregate {first.together.aggregate_per_s:,.4g} rows/s" in shown
        assert "cuda:2 loses most" in shown


def test_the_page_has_a_table_of_the_parts() -> None:
    (one, _) = page_data(board())["sums"]
    (odd, _) = page_data(board())["devices"]

    assert [(part["device"], part["worst"]) for part in one["parts"]] == [
        ("cuda:0", False), ("cuda:1", False), ("cuda:2", True),
    ]  # fmt: skip
    assert one["notes"] == ["The devices slow each other down; cuda:2 loses most."]
    assert [device["is_odd"] for device in odd["devices"]] == [False, False, True]


@pytest.mark.parametrize("width", [60, 80])
def test_sums_fit_the_terminal(width: int) -> None:
    lines = render_table(board("a host=2/h"), width=width).splitlines()

    assert max(map(len, lines)) <= width


def test_the_overview_shows_those_of_this_machine() -> None:
    shown = " ".join(render_overview(board(), "a host").split())

    assert "a host against the best of 6 reports" in shown
    assert "this host cuda:0" in shown
    assert f"{FIRST}: cuda:2 stands out." in shown
    assert f"{FIRST}: 3 devices at once reach 93.17 rows/s, scaling efficiency 0.901" in shown
    assert "devices at once" not in render_overview(board(), "another host")


def test_the_overview_warns_of_an_efficiency_that_cannot_be() -> None:
    found = board()
    (first, *_) = found.sums
    fast = replace(first, together=first.together.model_copy(update={"efficiency": 2.7}))
    shown = " ".join(render_overview(replace(found, sums=(fast,)), "a host").split())

    assert "scaling efficiency 2.700; disturbed: measure again." in shown


def test_a_page_without_several_devices_has_no_place_for_them() -> None:
    data = page_data(arrange([flatten("a", make_report())]))

    assert (data["sums"], data["devices"]) == ([], [])


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_texts_of_others_in_a_sum_are_safe(text: str) -> None:
    report = machine_at_once(1.0, 1.0, 1.0)[-1]
    sums = tuple(
        each.model_copy(
            update={"model": text, "workload": text, "worst": text, "findings": (text,)}
        )
        for each in report.together
    )
    shown = arrange([flatten("a", report.model_copy(update={"together": sums}))])

    for form in FORMATS:
        found = FORMATS.load(form)(replace(shown, tables=()))
        assert not {"\x1b", "\u202e"} & set(found)
        assert "x" * 300 not in found
