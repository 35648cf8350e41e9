"""The process of one context length: llama.cpp loads the model, then the context is filled."""

import http.client
import json
import os
import sys
from typing import Any
from urllib.parse import urlsplit

from nobs.providers.child_server import keep_stdout
from nobs.providers.llamacpp_server import load_library, parameters_of, start
from nobs.system.peak import peak_rss_bytes
from nobs.tasks.fit.child import host_bytes, say, say_done
from nobs.tasks.fit.report import FitPoint

FIRST_PROMPT = "Once"


def main() -> None:
    """Read the order on the standard input; print what is reached as lines of JSON."""
    order = json.load(sys.stdin)
    sys.stdout = keep_stdout()
    (size,) = order["sizes"]
    load_library()
    before = host_bytes()
    server = start(_parameters(order, size))
    api = Api(server.listening_address)
    # Weights that are mapped from a file are in memory only once they were read.
    api.complete(FIRST_PROMPT, 1)
    loaded = host_bytes()
    context = api.context_length()
    say(loaded={
        "before_bytes": before, "loaded_bytes": max(before, loaded), "context_length": context,
    })  # fmt: skip
    if context != size:
        sys.exit(f"the context of the server has {context:,} tokens instead of {size:,}")
    filled = api.fill(order["text"], size, order["output_tokens"])
    if filled != size:
        sys.exit(f"the server counted {filled:,} tokens instead of {size:,}")
    say(point=FitPoint(size=size, peak_bytes=peak_rss_bytes()).model_dump())
    say_done()
    # The threads of the server would keep the process.
    os._exit(0)


def _parameters(order: dict[str, Any], size: int) -> Any:  # noqa: ANN401 - xllamacpp is untyped
    parameters = parameters_of({**order["settings"], "context_length": size})
    # Only then all of its memory is that of this process, and the context has the wanted length.
    parameters.n_gpu_layers = 0
    parameters.no_kv_offload = True
    parameters.no_op_offload = True
    parameters.fit_params = False
    return parameters


class Api:
    """llama.cpp's own API, which takes tokens and counts them."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._connection = http.client.HTTPConnection(str(parts.hostname), parts.port)

    def context_length(self) -> int:
        """Return the tokens that one request may have, prompt and answer together."""
        return int(self._ask("GET", "/props")["default_generation_settings"]["n_ctx"])

    def fill(self, text: str, size: int, output_tokens: int) -> int:
        """Send `text` over and over up to `size` tokens with the answer; return those counted."""
        tokens = self._ask("POST", "/tokenize", {"content": text})["tokens"]
        wanted = size - output_tokens
        prompt = (tokens * (wanted // len(tokens) + 1))[:wanted]
        return self.complete(prompt, output_tokens)

    def complete(self, prompt: str | list[int], output_tokens: int) -> int:
        """Return the tokens of prompt and answer, as the server counts them."""
        body = {
            "prompt": prompt, "n_predict": output_tokens, "ignore_eos": True,
            "cache_prompt": False, "temperature": 0,
        }  # fmt: skip
        answer = self._ask("POST", "/completion", body)
        return int(answer["tokens_evaluated"] + answer["tokens_predicted"])

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:  # noqa: ANN401
        headers = {"Content-Type": "application/json"}
        self._connection.request(method, path, json.dumps(body) if body else None, headers)
        answer = self._connection.getresponse()
        text = answer.read().decode(errors="replace")
        if answer.status != http.HTTPStatus.OK:
            sys.exit(f"{path} answered {answer.status}: {text[:200]}")
        return json.loads(text)


if __name__ == "__main__":
    main()
