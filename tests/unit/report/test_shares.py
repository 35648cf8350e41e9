"""Merging shares of one load: the figures of all requests together, and what is refused."""

import json
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from nobs.report.collect import State, collect
from nobs.report.compare import compare_reports
from nobs.report.leaderboard import arrange, flatten
from nobs.report.machines import read_entries
from nobs.report.price import Prices
from nobs.report.reading import typed
from nobs.report.shares import details_of, merge_shares
from nobs.report.validation import Ruling, validate_document
from nobs.schema.report import Report
from nobs.storage.files import to_json
from nobs.storage.store import prepare_results, publish
from nobs.tasks.chat.client.record import ChatRecord
from nobs.tasks.chat.load_report import LoadTable
from nobs.tasks.chat.report import ChatModelReport
from nobs.tasks.chat.share_report import ServerClock
from tests.fakes.honest_reports import sealed
from tests.fakes.llm_records import MS, failed
from tests.fakes.share_reports import (
    CLOCK,
    COST,
    START,
    requests_of,
    share_report,
    union,
)

SHARES = [share_report(index) for index in range(3)]


def load_of(report: Report) -> LoadTable:
    (model,) = typed(report).tasks[0].models.values()
    assert isinstance(model, ChatModelReport)
    assert model.load is not None
    return model.load


def merged(*reports: Report) -> LoadTable:
    (found,), problems = merge_shares(reports)
    assert problems == []
    return load_of(found)


def later(records: list[ChatRecord], by_ns: int) -> list[ChatRecord]:
    return [
        replace(each, stamps=replace(each.stamps, sent_at_ns=each.stamps.sent_at_ns + by_ns))
        for each in records
        if each.stamps
    ]


def test_figures_are_exactly_those_of_all_requests_together() -> None:
    # Each client's monotonic clock starts anywhere.
    starts_ns = (0, 7_000_000_000, 123_456_789)
    reports = [
        share_report(index, later(requests_of(index), start_ns), start_ns=start_ns)
        for index, start_ns in enumerate(starts_ns)
    ]
    (level,) = merged(*reports).levels
    one = union(requests_of(0, 1))

    left_out = {"chunk_gaps", "itl", "client"}
    assert level.model_dump(exclude=left_out) == one.model_dump(exclude=left_out)
    assert level.itl is not None
    assert one.itl is not None
    assert level.itl.p99_s == pytest.approx(one.itl.p99_s, rel=0.005)
    assert level.itl.max_s == one.itl.max_s


def test_a_share_and_a_merged_report_are_valid_and_open() -> None:
    (whole,), _ = merge_shares(SHARES)

    for report in (*SHARES, whole):
        found = validate_document(json.loads(to_json(report)))
        assert (found.ruling, found.faults) == (Ruling.OPEN, ())
    assert [run.digest for run in whole.run.merged] == [report.digest for report in SHARES]
    assert [run.run for run in whole.run.merged] == [report.run.id for report in SHARES]


def test_the_same_shares_give_the_same_report_in_any_order() -> None:
    assert merge_shares(SHARES)[0] == merge_shares(SHARES[::-1])[0]


def test_a_merged_load_has_no_repeats_and_no_score() -> None:
    (whole,), _ = merge_shares(SHARES)
    (model,) = typed(whole).tasks[0].models.values()
    assert isinstance(model, ChatModelReport)

    assert (model.samples, model.all_runs, model.final_median_latency_s) == ((), (), None)
    assert whole.tasks[0].task_score is None


def test_failed_requests_of_one_client_count() -> None:
    records = [*requests_of(1), failed(2850, 30)]
    (level,) = merged(SHARES[0], share_report(1, records), SHARES[2]).levels

    assert (level.requests, level.failures) == (31, {"cut": 1})
    assert level.first_error == "cut"


def test_the_limit_of_one_client_is_that_of_the_load() -> None:
    def busy(load: LoadTable) -> LoadTable:
        cost = COST.model_copy(update={"cpu_share": 0.95, "cpu_cores": 0.95})
        return load.model_copy(
            update={"levels": (load.levels[0].model_copy(update={"client": cost}),)}
        )

    (whole,), _ = merge_shares([SHARES[0], share_report(1, change=busy), SHARES[2]])
    found = load_of(whole).merged
    assert found is not None

    assert [share.limits for share in found.shares] == [
        (), ("3 at once: a client process used 95.0 % of a core",), (),
    ]  # fmt: skip
    (model,) = whole.tasks[0].models.values()
    assert "client-limit" in [flag.name for flag in model.flags]


def ahead(by_s: float) -> ServerClock:
    return ServerClock(low_s=CLOCK.low_s + by_s, high_s=CLOCK.high_s + by_s, answers=10)


REFUSED: dict[str, tuple[list[Report], str]] = {
    "missing": (SHARES[:1], "shares 1/3 and 2/3 are missing"),
    "twice": ([*SHARES, share_report(2, run="20260102T030405Z-again")],
              "share 2/3 was measured 2 times"),
    "of another number": ([*SHARES[:2], share_report(2, count=4)],
                          "the clients were started as one of 3 and 4"),
    "slots": ([*SHARES[:2], share_report(2, slot_s=30)], "--slot differs: 30 and 60 s"),
    "URLs": ([*SHARES[:2], share_report(2, url="http://10.0.0.2:8000/v1")],
             "may be different servers, since /metrics don't .*: start all clients with one URL"),
    "processes": ([share_report(n, url=f"http://10.0.0.{n}:8000/v1", started_s=1.5 + n / 100)
                   for n in range(3)], "the clients used different servers"),
    "ports": ([share_report(n, url=f"http://10.0.0.1:800{n}/v1", started_s=1.5) for n in range(3)],
              "the clients used different servers"),
    "clocks apart": ([*SHARES[:2], share_report(2, clock=ahead(3.0))],
                     r"share 2/3 .* is at least 1.90 s ahead of that of share 0/3"),
    "clock set": ([*SHARES[:2], share_report(2, step_s=-4.0)], "was set by 4.00 s during the load"),
    "no overlap": ([*SHARES[:2], share_report(2, later(requests_of(2), 10_000 * MS))],
                   "at 8 at once the clients sent together for 0.0 % of the time only"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_shares_that_are_not_one_load_are_refused_with_the_reason(case: str) -> None:
    reports, reason = REFUSED[case]
    found, (problem,) = merge_shares(reports)

    assert found == []
    assert re.search(reason, problem.reason)


def test_urls_of_one_process_are_one_server() -> None:
    urls = ["http://127.0.0.1:8000/v1", "http://box:8000/v1", "http://10.0.0.1:8000/v1/"]
    (whole,), problems = merge_shares(
        share_report(index, url=url, started_s=1795980794.12) for index, url in enumerate(urls)
    )
    found = load_of(whole).merged
    assert found is not None

    assert problems == []
    assert [share.url for share in found.shares] == urls
    lines = " ".join(line.strip() for line in details_of(whole))
    assert f"one server by 3 URLs: {', '.join(urls)}" in lines
    assert validate_document(json.loads(to_json(whole))).ruling is Ruling.OPEN


def test_clients_of_other_starts_are_not_one_load() -> None:
    other = share_report(2, start=START + timedelta(seconds=1))
    found, problems = merge_shares([*SHARES[:2], other])

    assert found == []
    assert [problem.reason.partition(":")[0] for problem in problems] == [
        "share 2/3 is missing", "shares 0/3 and 1/3 are missing",
    ]  # fmt: skip


def test_clients_that_could_not_compare_their_clocks_are_merged_with_a_warning() -> None:
    (whole,), _ = merge_shares([*SHARES[:2], share_report(2, clock=None)])
    (model,) = whole.tasks[0].models.values()

    assert model.warnings == (
        "The clients' clocks weren't compared: the server sends no usable Date.",
        "At 8 at once the clients sent together for 88.5 % of the time only.",
    )


def test_a_share_is_neither_ranked_nor_shown_nor_compared_as_a_result() -> None:
    row = dict(flatten("file", SHARES[0]).rows).popitem()[1]

    assert (dict(row.figures), row.samples, dict(row.charts)) == ({}, (), {})
    assert row.host.endswith("@c0 share 0/3")
    assert any("its figures aren't the server's" in warning for warning in row.warnings)
    assert read_entries(SHARES, Prices()) == []
    comparison = compare_reports(SHARES[0], SHARES[0], names=("a", "b"), force_open=True)
    assert comparison.lines == ()
    assert "share 0/3 of a load isn't its server's result" in str(comparison.refusals[0])


def test_a_merged_load_is_shown_with_its_throughput() -> None:
    (whole,), _ = merge_shares(SHARES)
    (table,) = arrange([flatten("file", whole)]).tables
    (row,) = table.rows

    assert row.host.endswith("@c0 3 clients")
    assert row.figures["load_tokens_per_sec"].value == load_of(whole).levels[0].tokens_per_sec


def test_shares_are_merged_where_reports_are_collected(tmp_path: Path) -> None:
    into, sources = tmp_path / "into", []
    for number, report in enumerate(SHARES):
        sources.append(str(tmp_path / f"client-{number}"))
        prepare_results(Path(sources[-1]))
        publish(Path(sources[-1]), report)
    prepare_results(into)

    found = collect(sources, into)

    assert [(each.state, each.ruling) for each in found] == [(State.COMPLETE, "open")] * 4
    name = f"{SHARES[0].run.id}-merged"
    whole = into / "runs" / name / "report.json"
    assert json.loads(whole.read_text())["run"]["id"] == name
    assert len(list(into.glob("report_*=merged.json"))) == 1
    assert len(list(into.glob("report_*=share-*-of-3.json"))) == 3
    again = collect([str(into)], into)
    assert {each.state for each in again} == {State.COMPLETE}
    assert len(list(into.glob("runs/*"))) == 4


def test_a_missing_share_is_named_where_reports_are_collected(tmp_path: Path) -> None:
    prepare_results(tmp_path)
    publish(tmp_path, SHARES[0])
    publish(tmp_path, SHARES[2])

    last = collect([str(tmp_path)], tmp_path)[-1]

    assert (last.state, last.reason) == (
        State.PARTIAL, "share 1/3 is missing: its report isn't here, or had another --start-at",
    )  # fmt: skip
    assert not list(tmp_path.glob("*merged*"))


@pytest.mark.parametrize("name", ["p95_latency_s", "requests", "tokens_per_sec"])
def test_a_share_whose_figures_are_not_those_of_its_requests_is_invalid(name: str) -> None:
    document = json.loads(to_json(SHARES[0]))
    (model,) = document["tasks"][0]["models"].values()
    model["load"]["levels"][0][name] += 1

    found = validate_document(sealed(document))

    assert found.ruling is Ruling.INVALID
    assert any(name in fault for fault in found.faults)
