"""The compact form of requests: nothing that the figures need is lost."""

from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from nobs.tasks.chat.aggregate import pool_gaps
from nobs.tasks.chat.client.record import ChatRecord
from nobs.tasks.chat.raw import count_gaps, merge_gaps, pack, unpack
from nobs.tasks.chat.share_report import LAST_CLASS, GapCounts, RawRequests
from tests.fakes.llm_records import MS, answered, failed
from tests.fakes.share_reports import requests_of, union


def test_figures_are_those_of_the_requests_themselves() -> None:
    records = [*requests_of(0, 1), failed(9000, 30)]

    again = union(unpack(pack(records, start_ns=5 * MS)))

    left_out = {"first_error": "", "chunk_gaps": None, "itl": None}
    assert again == union(records).model_copy(update=left_out)


def test_input_tokens_of_older_reports_are_unknown() -> None:
    older = pack([answered(0, 50, 90)], start_ns=0).model_dump(exclude={"input_tokens"})
    (record,) = unpack(RawRequests.model_validate(older))

    assert record.figures is not None
    assert record.figures.input_tokens is None


def test_times_are_counted_from_the_agreed_start() -> None:
    raw = pack([answered(1200, 50, 90)], start_ns=1000 * MS)

    assert (raw.sent_ns, raw.ttft_ns, raw.latency_ns) == ((200 * MS,), (50 * MS,), (90 * MS,))


def test_answers_with_unclear_counts_or_bursts_remain_so() -> None:
    def changed(**changes: Any) -> ChatRecord:
        record = answered(0, 50, 90)
        assert record.figures is not None
        return replace(record, figures=replace(record.figures, **changes))

    records = [answered(0, 50), changed(is_coalesced=True), changed(count_conflict="too many")]
    raw = pack(records, start_ns=0)

    assert (raw.coalesced, raw.conflicting) == ((1,), (2,))
    found = union(unpack(raw))
    assert (found.coalesced, found.unreconciled) == (1, 1)


def test_percentiles_of_gaps_from_several_clients_are_exact_within_a_quarter_of_a_percent() -> None:
    shares = [requests_of(index) for index in range(3)]
    whole, _ = pool_gaps([record for records in shares for record in records])
    assert whole is not None

    found = merge_gaps([pack(records, 0).chunk_gaps for records in shares])

    assert found is not None
    assert found.max_s == whole.max_s
    for name in ("median_s", "p95_s", "p99_s"):
        assert getattr(found, name) == pytest.approx(getattr(whole, name), rel=0.005)


def test_gaps_of_no_length_and_of_hours_have_classes() -> None:
    counted = count_gaps([0.0, 1e-12, 5e4])

    assert counted == GapCounts(classes=(-1, 0, LAST_CLASS), counts=(1, 1, 1), max_s=5e4)
    assert merge_gaps([]) is None


@pytest.mark.parametrize(
    "change",
    [
        {"sent_ns": (1,)},
        {"input_tokens": (1,)},
        {"failures": {5: "cut"}},
        {"failures": {0: "cut"}},
        {"failures": {1: "nothing"}},
        {"coalesced": (-1,)},
        {"chunk_gaps": {"classes": (2, 1), "counts": (1, 1)}},
        {"chunk_gaps": {"classes": (1 << 60,), "counts": (1,)}},
        {"chunk_gaps": {"classes": (1,), "counts": (1 << 60,)}},
    ],
)
def test_requests_that_can_not_be_are_refused(change: dict[str, object]) -> None:
    good = pack([answered(0, 50, 90), failed(10, 5)], 0).model_dump()

    with pytest.raises(ValidationError):
        RawRequests.model_validate(good | change)
