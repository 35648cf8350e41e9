"""`--share` and `--start-at`: what they mean, what each client sends, and what is refused."""

from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Any

import pytest

from nobs.errors import UsageError
from nobs.schema.share import Share
from nobs.tasks.chat.arrivals import Arrivals, arrival_times_s
from nobs.tasks.chat.levels import Level, count_of, part_of, requests_of, times_of
from nobs.tasks.chat.load_options import JOB_BEGAN, load_of, parse_share, parse_start
from nobs.tasks.chat.share_table import own_rows

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
GIVEN = {"concurrency": (8,), "share": "0/3", "start_at": "+90s"}


def shares(count: int) -> list[Share]:
    return [Share(index=index, count=count, start=NOW) for index in range(count)]


@pytest.mark.parametrize(
    ("streams", "clients", "parts"),
    [(8, 3, [3, 3, 2]), (1, 3, [1, 0, 0]), (9, 3, [3, 3, 3]), (5, 1, [5])],
)
def test_the_clients_send_all_of_a_concurrency(
    streams: int, clients: int, parts: list[int]
) -> None:
    whole = Level(concurrency=streams)

    assert [part_of(share, whole).concurrency for share in shares(clients)] == parts
    assert sum(count_of(share, whole, 3) for share in shares(clients)) == requests_of(whole, 3)


def test_a_client_without_requests_at_once_sends_none() -> None:
    assert count_of(shares(3)[2], Level(concurrency=2), 3) == 0


@pytest.mark.parametrize("arrivals", Arrivals)
def test_the_clients_send_all_arrivals_of_one_client_at_its_times(arrivals: Arrivals) -> None:
    whole = Level(rate_per_s=6.0)
    times_s = [times_of(share, whole, 3, arrivals, seed=5) or [] for share in shares(3)]
    counts = [count_of(share, whole, 3) for share in shares(3)]

    one = arrival_times_s(requests_of(whole, 3), 6.0, arrivals, 5)
    assert sorted(chain(*times_s)) == one
    assert [len(own) for own in times_s] == counts
    assert times_of(shares(3)[0], Level(concurrency=8), 3, arrivals, 5) is None


def test_the_clients_have_equal_parts_of_a_rate() -> None:
    whole = Level(rate_per_s=6.0)

    assert [part_of(share, whole).rate_per_s for share in shares(3)] == [2.0, 2.0, 2.0]
    assert sum(count_of(share, whole, 3) for share in shares(3)) == requests_of(whole, 3)


def test_clients_send_different_prompts() -> None:
    rows = tuple(range(8))

    assert [own_rows(rows, share) for share in shares(3)] == [(0, 3, 6), (1, 4, 7), (2, 5)]
    assert own_rows(rows[:1], shares(3)[2]) == (0,)
    assert own_rows(rows, None) == rows


@pytest.mark.parametrize(
    ("text", "variables", "share"),
    [
        ("0/3", {}, (0, 3)),
        ("2/3", {"SLURM_PROCID": "0"}, (2, 3)),
        ("auto", {"SLURM_PROCID": "1", "SLURM_NTASKS": "4"}, (1, 4)),
        ("auto/4", {"JOB_COMPLETION_INDEX": "3"}, (3, 4)),
        ("auto/2", {"SLURM_PROCID": "1", "SLURM_NTASKS": "4"}, (1, 2)),
    ],
)
def test_a_share_is_given_or_taken_from_the_scheduler(
    text: str, variables: dict[str, str], share: tuple[int, int]
) -> None:
    assert parse_share(text, variables) == share


@pytest.mark.parametrize(
    ("text", "variables", "message"),
    [
        ("3/3", {}, "the client 3 isn't one of 3"),
        ("0/0", {}, "the number of clients is 0"),
        ("0/1001", {}, "the number of clients is 1001"),
        ("1", {}, "'1' isn't a share"),
        ("-1/3", {}, "'-1/3' isn't a share"),
        ("auto", {}, "neither SLURM_PROCID nor JOB_COMPLETION_INDEX is set"),
        ("auto", {"JOB_COMPLETION_INDEX": "2"}, "the number of clients isn't known"),
        ("auto/2", {"JOB_COMPLETION_INDEX": "2"}, "the client 2 isn't one of 2"),
    ],
)
def test_a_wrong_share_is_refused_with_its_value(
    text: str, variables: dict[str, str], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        parse_share(text, variables)


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("+30s", NOW + timedelta(seconds=30)),
        ("+5m", NOW + timedelta(minutes=5)),
        ("+45", NOW + timedelta(seconds=45)),
        ("2026-01-02T04:05:00+01:00", NOW + timedelta(seconds=-5, minutes=1)),
        (str(int(NOW.timestamp()) + 10), NOW + timedelta(seconds=10)),
    ],
)
def test_a_start_is_a_time_with_a_zone_seconds_or_a_delay(text: str, start: datetime) -> None:
    assert parse_start(text, NOW) == start


def test_delays_count_from_the_begin_of_a_job() -> None:
    began = NOW - timedelta(seconds=20)
    variables = {JOB_BEGAN: str(int(began.timestamp()))}

    assert parse_start("+30s", NOW, variables) == began + timedelta(seconds=30)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("2026-01-02T03:05:00", "has no time zone"),
        ("noon", "'noon' isn't a time"),
        ("2026-01-02T03:04:00Z", "that was 5.00 s ago"),
        ("2026-01-04T03:04:05Z", "that is 48.0 hours ahead"),
        ("+25h", "that is 25.0 hours ahead"),
    ],
)
def test_a_start_that_no_client_can_keep_is_refused_with_its_value(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_start(text, NOW)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"start_at": None}, "--share has no effect without --start-at"),
        (
            {"share": None, "start_at": None, "slot": 30.0},
            "--slot has no effect without --start-at",
        ),
        ({"sweep": True}, "--sweep can't be combined with --start-at"),
        ({"slo": "ttft=1s"}, "--slo can't be combined with --start-at"),
        ({"concurrency": None}, "--start-at has no effect without load levels"),
    ],
)
def test_options_that_make_no_share_are_refused(changes: dict[str, Any], message: str) -> None:
    options = {name: value for name, value in (GIVEN | changes).items() if value is not None}

    with pytest.raises(UsageError, match=message):
        load_of(options, {}, NOW)
