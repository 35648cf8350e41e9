import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nobs.tasks.chat.client.sse import (
    MAX_EVENT_BYTES,
    Event,
    EventTooLarge,
    MalformedStream,
    parse_events,
)


def data_of(*reads: bytes) -> list[str]:
    return [event.data for event in parse_events(enumerate(reads))]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_every_line_end_ends_lines(end: bytes) -> None:
    assert data_of(b"data: a" + end + end + b"data: b" + end + end) == ["a", "b"]


def test_an_event_has_the_stamp_of_the_read_that_completed_it() -> None:
    events = parse_events([(10, b"data: a\n"), (20, b"\ndata: b\n\ndata"), (30, b": c\n\n")])

    assert list(events) == [Event(20, "a"), Event(20, "b"), Event(30, "c")]


def test_comments_and_other_fields_carry_nothing() -> None:
    assert data_of(b": ping\n\nid: 7\nretry: 1\n\n:\n\ndata: a\n\n") == ["a"]


def test_lines_of_one_event_are_joined_and_one_space_is_cut() -> None:
    assert data_of(b"data: a\ndata:b\ndata:  c\n\n") == ["a\nb\n c"]


def test_the_name_of_an_event_is_kept() -> None:
    assert list(parse_events([(1, b"event: error\ndata: x\n\ndata: y\n\n")])) == [
        Event(1, "x", "error"),
        Event(1, "y"),
    ]


def test_a_crlf_split_over_reads_is_one_line_end() -> None:
    assert data_of(b"data: a\r", b"\ndata: b\r", b"\n\r", b"\n") == ["a\nb"]


def test_a_byte_order_mark_is_skipped() -> None:
    assert data_of(b"\xef\xbb", b"\xbfdata: a\n\n") == ["a"]


def test_a_last_event_counts_when_its_lines_are_whole() -> None:
    assert data_of(b"data: a\n") == ["a"]
    assert data_of(b'data: {"half') == []
    assert data_of(b"data: a\n\ndata: [DONE]") == ["a", "[DONE]"]


def test_a_character_split_over_reads_is_whole() -> None:
    assert data_of(b"data: \xc3", b"\xa9\n\n") == ["é"]


def test_bytes_that_are_not_utf8_are_refused() -> None:
    with pytest.raises(MalformedStream, match="UTF-8"):
        data_of(b"data: \xff\xfe\n\n")


@pytest.mark.parametrize("end", [b"", b"\n"])
def test_an_event_without_bound_is_refused(end: bytes) -> None:
    piece = b"data: " + b"x" * 99_994 + end
    reads = ((number, piece) for number in range(MAX_EVENT_BYTES // 99_994 + 2))

    with pytest.raises(EventTooLarge, match="10 MB"):
        list(parse_events(reads))


LINES = st.sampled_from(
    ["data: a", "data:é", "data", ": ping", "event: x", "id: 1", "", "", "data: [DONE]", "nonsense"]
)
STREAMS = st.lists(st.tuples(LINES, st.sampled_from(["\n", "\r\n", "\r"]))).map(
    lambda lines: "".join(line + end for line, end in lines).encode()
)


@settings(max_examples=300, deadline=None)
@given(stream=STREAMS, cuts=st.lists(st.integers(0, 200)))
def test_splitting_into_reads_changes_no_event(stream: bytes, cuts: list[int]) -> None:
    ends = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    reads = [stream[start:end] for start, end in itertools.pairwise(ends)]

    split = [(event.data, event.name) for event in parse_events(enumerate(reads))]

    assert split == [(event.data, event.name) for event in parse_events([(0, stream)])]
