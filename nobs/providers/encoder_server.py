"""The child process with a server of sentence-transformers; ends when its parent does.

`python -m nobs.providers.encoder_server SETTINGS DIRECTORY`: as `llamacpp_server`. It computes one
request at a time and keeps no answers. It is there to check that everything works, without a server
to install; dedicated servers are faster.
"""

import base64
import json
import sys
import threading
from collections.abc import Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from nobs.providers.child_server import keep_stdout, live_with_parent
from nobs.providers.embed import ROUTE

MAX_BYTES = 16_000_000
MAX_TEXTS = 2048


class Refused(Exception):
    """A request that isn't answered."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status


class Encoder:
    """One model that embeds one list of texts at a time."""

    def __init__(self, settings: dict[str, Any]) -> None:
        # The launcher has neither, and imports the module for the path to it.
        import torch  # noqa: PLC0415
        from sentence_transformers import SentenceTransformer  # noqa: PLC0415

        torch.set_num_threads(settings["threads"])
        self.name: str = settings["model"]
        self._lock = threading.Lock()
        self._model = SentenceTransformer(
            settings["directory"], device="cpu", local_files_only=True,
            model_kwargs={"dtype": torch.float32},
        )  # fmt: skip
        self._model.max_seq_length = settings["max_seq_length"]

    def answer(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Return the answer to a request of the OpenAI API."""
        texts = _texts(asked)
        if asked.get("model") != self.name:
            raise Refused(HTTPStatus.NOT_FOUND, f"There is no model {asked.get('model')!r}.")
        with self._lock:
            tokens = int(self._model.preprocess(texts)["attention_mask"].sum())
            vectors = self._model.encode(texts, batch_size=len(texts), show_progress_bar=False)
        write = _as_base64 if asked.get("encoding_format") == "base64" else _as_floats
        return {
            "object": "list",
            "model": self.name,
            "data": [
                {"object": "embedding", "index": index, "embedding": write(vector)}
                for index, vector in enumerate(vectors)
            ],
            "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
        }


def _texts(asked: dict[str, Any]) -> list[str]:
    texts = asked.get("input")
    texts = [texts] if isinstance(texts, str) else texts
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise Refused(HTTPStatus.BAD_REQUEST, "`input` is no text and no list of texts.")
    if not 0 < len(texts) <= MAX_TEXTS:
        raise Refused(HTTPStatus.BAD_REQUEST, f"`input` has {len(texts)} texts.")
    return texts


def _as_floats(vector: Any) -> list[float]:  # noqa: ANN401 - numpy's array
    floats: list[float] = vector.tolist()
    return floats


def _as_base64(vector: Any) -> str:  # noqa: ANN401 - numpy's array
    return base64.b64encode(vector.astype("<f4").tobytes()).decode()


class Handler(BaseHTTPRequestHandler):
    """The routes of the OpenAI API that clients need."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    encoder: Encoder

    def do_GET(self) -> None:
        """Answer with the list of models."""
        if self.path != "/v1/models":
            self._send(HTTPStatus.NOT_FOUND, _error(f"There is no {self.path}."))
            return
        entry = {"id": self.encoder.name, "object": "model", "owned_by": "nobs"}
        self._send(HTTPStatus.OK, {"object": "list", "data": [entry]})

    def do_POST(self) -> None:
        """Answer with vectors."""
        try:
            self._send(HTTPStatus.OK, self.encoder.answer(self._read()))
        except Refused as refused:
            self._send(refused.status, _error(str(refused)))

    def _read(self) -> dict[str, Any]:
        length = int(self.headers.get("Content-Length") or 0)
        if not 0 <= length <= MAX_BYTES:
            self.close_connection = True
            raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"The request has {length} bytes.")
        data = self.rfile.read(length)
        if self.path != f"/v1{ROUTE}":
            raise Refused(HTTPStatus.NOT_FOUND, f"There is no {self.path}.")
        try:
            asked = json.loads(data)
        except ValueError as error:
            raise Refused(HTTPStatus.BAD_REQUEST, f"The body isn't JSON: {error}.") from error
        if not isinstance(asked, dict):
            raise Refused(HTTPStatus.BAD_REQUEST, "The body is no JSON object.")
        return asked

    def _send(self, status: HTTPStatus, value: object) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Log nothing: the log is quoted if the server fails."""


def _error(message: str) -> dict[str, Any]:
    return {"error": {"message": message, "type": "invalid_request_error"}}


class Server(ThreadingHTTPServer):
    """Listens on a free port of loopback."""

    daemon_threads = True
    request_queue_size = 256


def main(settings: Sequence[str]) -> None:
    """Serve as the settings say."""
    live_with_parent(settings[1])
    answers = keep_stdout()
    Handler.encoder = Encoder(json.loads(settings[0]))
    with Server(("127.0.0.1", 0), Handler) as server:
        answers.write(f"http://127.0.0.1:{server.server_address[1]}\n")
        answers.flush()
        server.serve_forever()


if __name__ == "__main__":
    main(sys.argv[1:])
