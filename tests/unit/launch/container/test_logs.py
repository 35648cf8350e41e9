import pytest

from nobs.launch.container.logs import Frame, LineReader, Pump, Stream

TEXT = b"first\nsecond\n" + b"x" * 100_000 + b"\nlast"
LINES = ["first", "second", "x" * 100_000, "last"]


class Seen(list[str]):
    def on_line(self, stream: Stream, line: str) -> None:
        assert stream is Stream.STDOUT
        self.append(line)


def reader(seen: Seen) -> LineReader:
    return LineReader(Stream.STDOUT, seen.on_line)


def chunks(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


@pytest.mark.parametrize("size", [1, 7, 16_384, 1_000_000])
def test_lines_are_whole_however_they_are_cut(size: int) -> None:
    seen = Seen()
    live = reader(seen)

    for chunk in chunks(TEXT, size):
        live.feed(chunk)
    live.finish()

    assert seen == LINES


@pytest.mark.parametrize("received", [0, 3, 6, 20, 50_000, len(TEXT) - 4, len(TEXT)])
@pytest.mark.parametrize("recorded", [TEXT, TEXT + b"\n"])
def test_each_line_comes_once_wherever_the_live_stream_broke(
    received: int, recorded: bytes
) -> None:
    seen = Seen()
    live = reader(seen)

    live.feed(TEXT[:received])
    live.reconcile(recorded)

    assert seen == LINES


def test_a_record_that_was_cut_at_its_start_adds_nothing() -> None:
    seen = Seen()
    live = reader(seen)
    live.feed(b"one\ntwo\nthree\nrest")

    live.reconcile(b"three\n")

    assert seen == ["one", "two", "three", "rest"]


def test_bytes_that_are_no_text_are_not_lost() -> None:
    seen = Seen()
    live = reader(seen)
    live.feed(b"\xff\xfe caf\xc3\xa9\r\n")

    live.reconcile("\ufffd\ufffd café\r\nnext\n".encode())

    assert seen == ["\ufffd\ufffd café", "next"]


def test_empty_lines_count() -> None:
    seen = Seen()
    live = reader(seen)
    live.feed(b"\n\na\n")

    live.reconcile(b"\n\na\n\nb\n")

    assert seen == ["", "", "a", "", "b"]


def test_a_broken_connection_ends_the_queue() -> None:
    def frames() -> "list[Frame]":
        raise ConnectionResetError

    pump = Pump(frame for _ in range(1) for frame in frames())
    pump.start()

    assert pump.queue.get(timeout=10) is None
