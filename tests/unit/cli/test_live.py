import os

from nobs.cli.live import LiveLine


def test_reader_that_left_is_no_error() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    stream = os.fdopen(writer, "w", buffering=1)
    line = LiveLine(stream)

    line.say("nobody hears this")

    os.dup2(os.open(os.devnull, os.O_WRONLY), writer)
    stream.close()
