"""What listens where LM Studio's server would: its own routes, and a real server behind them."""

import json
import sys
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

RUNTIME = {"name": "llama.cpp-fake", "version": "1.2.3"}
MAX_TOKENS = 8
INFERENCE = {"/v1/chat/completions", "/api/v0/chat/completions"}


class Front(BaseHTTPRequestHandler):
    """Answers from the state of the look-alike of `lms`; routes it doesn't know get 200."""

    protocol_version = "HTTP/1.1"
    state_file: Path

    def do_GET(self) -> None:
        state = json.loads(self.state_file.read_text())
        match self.path:
            case "/lmstudio-greeting":
                self.answer({"lmstudio": True})
            case "/v1/models":
                ids = [each["identifier"] for each in state["loaded"]]
                ids += [each["modelKey"] for each in state["models"] if each["modelKey"] not in ids]
                self.answer({"object": "list", "data": [{"id": name} for name in ids]})
            case "/api/v1/models":
                self.answer({"models": [self.entry(each, state) for each in state["models"]]})
            case _:
                self.answer({"error": f"Unexpected endpoint or method. (GET {self.path})"})

    def do_POST(self) -> None:
        state = json.loads(self.state_file.read_text())
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path not in INFERENCE:
            self.answer({"error": f"Unexpected endpoint or method. (POST {self.path})"})
        elif body["model"] not in {each["identifier"] for each in state["loaded"]}:
            error = {
                "message": f"Model {body['model']!r} is not loaded.",
                "code": "model_not_found",
            }
            self.answer({"error": error}, 404)
        else:
            self.forward(state["upstream"], body)

    def entry(self, model: dict[str, Any], state: dict[str, Any]) -> dict[str, Any]:
        loaded = [each for each in state["loaded"] if each["modelKey"] == model["modelKey"]]
        return {
            "type": "llm",
            "key": model["modelKey"],
            "architecture": model["architecture"],
            "quantization": {"name": model["quantization"]["name"], "bits_per_weight": 4},
            "variants": model.get("variants", []),
            "selected_variant": model.get("selectedVariant"),
            "size_bytes": model["sizeBytes"],
            "params_string": model["paramsString"],
            "format": "gguf",
            "loaded_instances": [
                {
                    "id": each["identifier"],
                    "config": {
                        "context_length": each["contextLength"],
                        "parallel": each["parallel"],
                    },
                }
                for each in loaded
            ],
        }

    def answer(self, values: dict[str, Any], status: int = 200) -> None:
        data = json.dumps(values).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def forward(self, upstream: str, body: dict[str, Any]) -> None:
        """Let the real server answer shortly, and pass on what comes as it comes."""
        body["max_tokens"] = min(body["max_tokens"], MAX_TOKENS)
        connection = HTTPConnection(urlsplit(upstream).netloc, timeout=60)
        connection.request("POST", "/v1/chat/completions", json.dumps(body))
        response = connection.getresponse()
        if "stream" not in body:
            values = json.loads(response.read())
            runtime = {"runtime": RUNTIME} if self.path.startswith("/api/v0") else {}
            self.answer({**values, **runtime}, response.status)
            return
        self.send_response(response.status)
        self.send_header("Content-Type", response.headers["Content-Type"])
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        while data := response.read1(65536):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


def main(port: str, state_file: str) -> None:
    Front.state_file = Path(state_file)
    ThreadingHTTPServer(("127.0.0.1", int(port)), Front).serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
