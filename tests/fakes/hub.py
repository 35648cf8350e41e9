"""A look-alike of the Hugging Face hub on loopback, serving repositories from directories.

`python -m tests.fakes.hub ROOT` serves in a container, on its own address and port 8000.

`root/models/ORG/NAME/COMMIT/...` and `root/datasets/ORG/NAME/COMMIT/...` hold the files; `main` is
the last commit by name. Set HF_ENDPOINT to `hub.url` before the child process starts.
"""

import hashlib
import json
import socket
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import cast
from urllib.parse import parse_qs, unquote, urlsplit

from tests.fakes.hub_files import (
    LFS_SUFFIXES,
    Faults,
    Repo,
    describe,
    describe_file,
    etag,
    list_files,
)

KINDS = ("models", "datasets")


@dataclass(frozen=True)
class Request:
    """One answered request."""

    method: str
    path: str
    status: int
    sent_bytes: int


class FakeHub(ThreadingHTTPServer):
    """The server with its repositories, its faults and the log of what it answered."""

    daemon_threads = True

    def __init__(self, root: Path, address: tuple[str, int] = ("127.0.0.1", 0)) -> None:
        super().__init__(address, _Handler)
        self.root = root
        self.faults = Faults()
        self.requests: list[Request] = []

    @property
    def url(self) -> str:
        return f"http://{self.server_address[0]!s}:{self.server_port}"

    @property
    def other_url(self) -> str:
        """The same server under another name, as large files have one at the hub."""
        return self.url.replace("127.0.0.1", "localhost")

    def repo_dir(self, kind: str, name: str, commit: str) -> Path:
        """Make and return the directory whose files are served."""
        directory = self.root / kind / name / commit
        directory.mkdir(parents=True, exist_ok=True)
        return directory

    def requests_of(self, name: str) -> list[Request]:
        """Return what was asked of one repository."""
        return [request for request in self.requests if name in request.path]

    def sent_bytes(self, name: str) -> int:
        """Return the bytes of files that were sent of one repository, listings left out."""
        files = [r for r in self.requests if "/lfs/" in r.path or "/resolve/" in r.path]
        return sum(request.sent_bytes for request in files if name in request.path)


@contextmanager
def fake_hub(root: Path) -> Iterator[FakeHub]:
    """Serve `root` until the block ends."""
    with FakeHub(root) as hub:
        thread = threading.Thread(target=hub.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield hub
        finally:
            hub.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def hub(self) -> FakeHub:
        return cast(FakeHub, self.server)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        self._answer(self.rfile.read(length))

    def _answer(self, body: bytes = b"") -> None:
        time.sleep(self.hub.faults.delay_s)
        parts = [unquote(part) for part in urlsplit(self.path).path.strip("/").split("/")]
        if parts == [""]:
            self._send(200, b"", {})
            return
        is_api = parts[0] == "api"
        parts = parts[1:] if is_api or parts[0] == "lfs" else parts
        kind = parts[0] if parts[0] in KINDS else "models"
        parts = parts[1:] if parts[0] in KINDS else parts
        name, rest = "/".join(parts[:2]), parts[2:]
        if self._refuse(kind, name):
            return
        verb, revision = (rest[0], rest[1]) if len(rest) > 1 else ("revision", "main")
        repo = self._find(kind, name, revision)
        if repo is None:
            self._error(404, "RevisionNotFound")
        elif is_api:
            self._api(repo, verb, rest[2:], body)
        else:
            self._file(repo, "/".join(rest[2:]))

    def _refuse(self, kind: str, name: str) -> bool:
        faults = self.hub.faults
        if name in faults.status:
            self._error(faults.status[name])
        elif name in faults.gated:
            self._error(401, "GatedRepo")
        elif not (self.hub.root / kind / name).is_dir():
            self._error(404, "RepoNotFound")
        else:
            return False
        return True

    def _find(self, kind: str, name: str, revision: str) -> Repo | None:
        commits = sorted((self.hub.root / kind / name).iterdir())
        named = commits[-1:] if revision == "main" else [c for c in commits if c.name == revision]
        return Repo(kind, name, named[0]) if named else None

    def _api(self, repo: Repo, verb: str, rest: Sequence[str], body: bytes) -> None:
        match verb:
            case "revision":
                self._json(describe(repo, self.hub.faults))
            case "tree":
                query = parse_qs(urlsplit(self.path).query.lower())
                recursive = query.get("recursive") == ["true"]
                self._json(list_files(repo, "/".join(rest), self.hub.faults, recursive=recursive))
            case "paths-info":
                paths = parse_qs(body.decode()).get("paths", [])
                self._json(
                    [describe_file(name, repo.files[name]) for name in paths if name in repo.files]
                )
            case _:
                self._error(404, "EntryNotFound")

    def _file(self, repo: Repo, name: str) -> None:
        headers = {"X-Repo-Commit": repo.commit}
        smuggled, content = self.hub.faults.smuggled.get(repo.name, ("", b""))
        if smuggled and name.rpartition("/")[2] == smuggled.rpartition("/")[2]:
            self._content(content, {**headers, "ETag": f'"{hashlib.sha1(content).hexdigest()}"'})
            return
        if name not in repo.files:
            self._error(404, "EntryNotFound", headers)
            return
        path = repo.files[name]
        headers["ETag"] = f'"{etag(name, path)}"'
        if name.endswith(LFS_SUFFIXES) and not self.path.startswith("/lfs/"):
            self._redirect(repo, name, headers)
            return
        content = path.read_bytes()
        if name in self.hub.faults.flipped:
            content = content[:-1] + bytes([content[-1] ^ 1])
        self._content(content, headers)

    def _redirect(self, repo: Repo, name: str, headers: dict[str, str]) -> None:
        """Send large files from another host name, as the hub does, or the client follows."""
        path = f"lfs/{repo.kind}/{repo.name}/resolve/{repo.commit}/{name}"
        headers["X-Linked-Etag"] = headers.pop("ETag")
        size = repo.files[name].stat().st_size
        headers["X-Linked-Size"] = str(self.hub.faults.sizes.get(name, size))
        headers["Location"] = f"{self.hub.other_url}/{path}"
        self._send(302, b"", headers)

    def _content(self, content: bytes, headers: dict[str, str]) -> None:
        headers["Accept-Ranges"] = "bytes"
        asked = self.headers.get("Range", "")
        if not asked.startswith("bytes="):
            self._send(200, content, headers)
            return
        first, _, last = asked.removeprefix("bytes=").partition("-")
        start = int(first) if first else len(content) - int(last)
        end = min(int(last) + 1, len(content)) if first and last else len(content)
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{len(content)}"
        self._send(206, content[start:end], headers)

    def _json(self, value: object) -> None:
        self._send(200, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def _error(self, status: int, code: str = "", headers: dict[str, str] | None = None) -> None:
        self._send(status, b"{}", {**(headers or {}), **({"X-Error-Code": code} if code else {})})

    def _send(self, status: int, content: bytes, headers: dict[str, str]) -> None:
        sent = 0 if self.command == "HEAD" else len(content)
        self.hub.requests.append(Request(self.command, self.path, status, sent))
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if sent:
            self.wfile.write(content)


if __name__ == "__main__":
    with FakeHub(Path(sys.argv[1]), (socket.gethostbyname(socket.gethostname()), 8000)) as server:
        print(server.server_name, flush=True)
        server.serve_forever()
