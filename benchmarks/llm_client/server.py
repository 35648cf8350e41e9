"""The loopback server in its own process: `/TTFT_MS-GAP_MS-TOKENS/v1`, and `/log`, the truth."""

import json
from functools import cache

from tests.fakes.llm_server import Answered, Script, ScriptedServer, Send
from tests.fakes.llm_streams import chunked, delta, event, head, usage

CHUNK = {"id": "chatcmpl-0123456789", "object": "chat.completion.chunk", "created": 1, "model": "m"}
OPENING = head("Transfer-Encoding: chunked")


@cache
def steps_of(ttft_ms: float, gap_ms: float, tokens: int) -> tuple[Send, ...]:
    """Return the answer: a role, then one token a write, then the finish with usage."""
    token = chunked(event({**CHUNK, **delta(content=" token")}))
    role = chunked(event({**CHUNK, **delta(role="assistant", content="")}))
    finish = event({**CHUNK, **delta(finish="stop"), "usage": usage(tokens)})
    times_s = [(ttft_ms + gap_ms * number) / 1e3 for number in range(tokens)]
    sends = [Send(at_s, token, 1) for at_s in times_s]
    ending = chunked(finish + event("[DONE]")) + b"0\r\n\r\n"
    return (Send(0, OPENING + role), *sends, Send(times_s[-1], ending))


def log_of(server: ScriptedServer) -> Script:
    """Return what was answered since the last call, as JSON by the model's name."""
    entries = {
        entry.values["model"]: [entry.received_ns, *entry.token_ns]
        for entry in server.log
        if entry.body
    }
    server.log.clear()
    body = json.dumps(entries).encode()
    opening = head(f"Content-Length: {len(body)}", kind="application/json")
    return Script(steps=[Send(0, opening + body)])


def main() -> None:
    server: ScriptedServer

    def choose(answered: Answered) -> Script:
        if answered.path == "/log":
            return log_of(server)
        ttft_ms, gap_ms, tokens = answered.path.split("/")[1].split("-")
        return Script(steps=steps_of(float(ttft_ms), float(gap_ms), int(tokens)))

    server = ScriptedServer(choose)
    print(server.url.removesuffix("/v1"), flush=True)
    server.serve()


if __name__ == "__main__":
    main()
