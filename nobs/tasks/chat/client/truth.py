"""A loopback server that follows the schedule in a request's path and logs what it sent when."""

import json
import socket
import sys
from functools import cache
from typing import Any

from nobs.system.descriptors import raise_file_limit
from nobs.tasks.chat.client.loopback import Answered, Script, ScriptedServer, Send

_LAST = b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n"
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


@cache
def steady(ttft_ms: float, gap_ms: float, tokens: int, tokens_per_write: int = 1) -> Script:
    """Return a script: a role immediately, then each token in its own chunk, then the finish."""
    token = _chunk({"delta": {"content": " token"}, "finish_reason": None})
    role = _chunk({"delta": {"role": "assistant", "content": ""}, "finish_reason": None})
    usage = {"prompt_tokens": 7, "completion_tokens": tokens}
    ending = _chunk({"delta": {}, "finish_reason": "length"}, usage=usage)
    sizes = [min(tokens_per_write, tokens - sent) for sent in range(0, tokens, tokens_per_write)]
    sends = [Send((ttft_ms + gap_ms * n) / 1e3, token * k, k) for n, k in enumerate(sizes)]
    last = Send(sends[-1].at_s, ending + _LAST)
    return Script(steps=(Send(0, _HEAD + role), *sends, last))


def _chunk(choice: dict[str, Any], **more: object) -> bytes:
    value = {"id": "chatcmpl-0123456789", "object": "chat.completion.chunk", "created": 1}
    choices = [{"index": 0, **choice}]
    event = b"data: %s\n\n" % json.dumps({**value, "choices": choices, **more}).encode()
    return b"%x\r\n%s\r\n" % (len(event), event)


def scheduled(answered: Answered) -> Script:
    """Return the script in the path: `/TTFT_MS-GAP_MS-TOKENS[-TOKENS_PER_WRITE]/v1/...`."""
    ttft_ms, gap_ms, *counts = answered.path.split("/")[1].split("-")
    return steady(float(ttft_ms), float(gap_ms), *map(int, counts))


def main() -> None:
    """Serve on an inherited socket until stdin ends, then print what was sent when, in ns.

    Arguments: the socket's descriptor and the number of connections.
    """
    raise_file_limit(int(sys.argv[2]))
    server = ScriptedServer(scheduled, socket.socket(fileno=int(sys.argv[1])), sys.stdin.fileno())
    server.serve()
    log = [(entry.values["model"], [entry.received_ns, *entry.token_ns]) for entry in server.log]
    json.dump(log, sys.stdout)


if __name__ == "__main__":
    main()
