import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nobs.tasks.chat.client.framing import (
    ChunkedBody,
    ChunkScan,
    Head,
    MalformedResponse,
    SizedBody,
    UnendedBody,
    body_of,
    parse_head,
)
from tests.fakes.llm_streams import chunked, head


def read(data: bytes) -> Head:
    parsed = parse_head(data)
    assert parsed is not None
    return parsed


def test_a_head_is_read_when_it_is_whole() -> None:
    whole = head("X-A: 1", status="404 Not Found")

    parsed = read(whole + b"body")

    assert parse_head(whole[:-1]) is None
    assert (parsed.status, parsed.reason, parsed.size) == (404, "Not Found", len(whole))
    assert parsed.headers["x-a"] == "1"
    assert parsed.content_type == "text/event-stream"


def test_interim_responses_are_skipped() -> None:
    interim = b"HTTP/1.1 100 Continue\r\n\r\n"

    assert parse_head(interim) is None
    assert read(interim + head()).size == len(interim + head())


@pytest.mark.parametrize(
    ("data", "kept"),
    [
        (head(), True),
        (head("Connection: close"), False),
        (head().replace(b"1.1", b"1.0"), False),
        (head("Connection: Keep-Alive").replace(b"1.1", b"1.0"), True),
    ],
)
def test_a_connection_is_kept_as_the_server_says(data: bytes, kept: bool) -> None:
    assert read(data).keeps_alive is kept


@pytest.mark.parametrize(
    "data",
    [b"SSH-2.0-OpenSSH", b"HTTP/2 200\r\n\r\n", b"HTTP/1.1 200 OK\r\nnonsense\r\n\r\n",
     b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 20_000],
)  # fmt: skip
def test_what_is_not_http_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedResponse):
        parse_head(data)


def test_a_body_is_framed_as_its_head_says() -> None:
    assert isinstance(body_of(read(head("Transfer-Encoding: chunked"))), ChunkedBody)
    assert isinstance(body_of(read(head("Content-Length: 3"))), SizedBody)
    assert isinstance(body_of(read(head())), UnendedBody)
    with pytest.raises(MalformedResponse):
        body_of(read(head("Content-Length: -3")))


@pytest.mark.parametrize("size", [b"-1\r\n", b"0x5\r\n", b"\r\n", b"5\r\nhello6\r\n"])
def test_a_bad_chunk_is_refused(size: bytes) -> None:
    with pytest.raises(MalformedResponse):
        ChunkedBody().feed(size)


def test_more_than_announced_is_surplus() -> None:
    sized, chunks = SizedBody(2), ChunkedBody()

    assert sized.feed(b"abc") == b"ab"
    assert chunks.feed(b"2\r\nab\r\n0\r\n\r\nabc") == b"ab"
    assert (sized.ended, sized.has_surplus) == (True, True)
    assert (chunks.ended, chunks.has_surplus) == (True, True)


@settings(max_examples=300, deadline=None)
@given(
    pieces=st.lists(st.binary(min_size=1, max_size=20) | st.just(b"0\r\n\r\n")),
    trailer=st.sampled_from([b"", b"X: 1\r\n"]),
    cuts=st.lists(st.integers(0, 300)),
)
def test_splitting_changes_no_chunked_body(
    pieces: list[bytes], trailer: bytes, cuts: list[int]
) -> None:
    stream = chunked(*pieces) + b"0;a=b\r\n" + trailer + b"\r\n"
    ends = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    reads = [stream[start:end] for start, end in itertools.pairwise(ends) if start < end]
    body = ChunkedBody()

    fed = b"".join([body.feed(piece) for piece in reads])
    reads_until_end = _reads_until_end(ChunkScan(), reads)

    assert fed == b"".join(pieces)
    assert body.ended
    assert reads_until_end == len(reads)


def _reads_until_end(scan: ChunkScan, reads: list[bytes]) -> int | None:
    """Return after how many reads the end was seen."""
    for number, piece in enumerate(reads, start=1):
        if scan.feed(piece):
            return number
    return None


def test_a_scan_refuses_what_the_parser_refuses() -> None:
    with pytest.raises(MalformedResponse):
        ChunkScan().feed(b"-5\r\nhello")
    with pytest.raises(MalformedResponse):
        ChunkScan().feed(b"1" * 20_000)


def test_a_scan_sees_surplus() -> None:
    scan = ChunkScan()

    assert scan.feed(b"2\r\nab\r\n0\r\n\r\nabc")
    assert scan.has_surplus
