"""A registry of images on loopback, without names or passwords: what an engine pulls from it."""

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
_CONFIG = "application/vnd.docker.container.image.v1+json"
_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"


class FakeRegistry(ThreadingHTTPServer):
    """Blobs and manifests by digest."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.content: dict[str, tuple[str, bytes]] = {}
        """Digest -> type and bytes."""
        self.asked: list[str] = []
        self.refuses = False
        """Whether everything is answered with 401."""

    @property
    def repository(self) -> str:
        """The name of the one repository, as an engine on this machine writes it."""
        return f"127.0.0.1:{self.server_address[1]}/team/nobs"

    def add_image(self, labels: Mapping[str, str], architecture: str = "amd64") -> str:
        """Add an image of one small file; return the digest of its manifest."""
        plain = _tar(b"mark", json.dumps([dict(labels), architecture]).encode())
        layer = gzip.compress(plain, mtime=0)
        config = json.dumps({
            "architecture": architecture, "os": "linux", "config": {"Labels": dict(labels)},
            "rootfs": {"type": "layers", "diff_ids": [_digest(plain)]},
        }).encode()  # fmt: skip
        return self._add(MANIFEST, {
            "schemaVersion": 2, "mediaType": MANIFEST,
            "config": self._describe(_CONFIG, config), "layers": [self._describe(_LAYER, layer)],
        })  # fmt: skip

    def add_present(self, image_id: str) -> str:
        """Add an image that the engine has already; return the digest of its manifest.

        An engine doesn't ask for the layers of an image whose configuration it has.
        """
        return self._add(MANIFEST, {
            "schemaVersion": 2, "mediaType": MANIFEST,
            "config": {"mediaType": _CONFIG, "size": 1, "digest": image_id}, "layers": [],
        })  # fmt: skip

    def add_index(self, images: Mapping[str, str]) -> str:
        """Add a list of images (architecture -> digest); return its digest."""
        entries = [
            {"mediaType": MANIFEST, "digest": digest, "size": len(self.content[digest][1]),
             "platform": {"architecture": architecture, "os": "linux"}}
            for architecture, digest in images.items()
        ]  # fmt: skip
        return self._add(INDEX, {"schemaVersion": 2, "mediaType": INDEX, "manifests": entries})

    def _add(self, kind: str, document: Mapping[str, Any]) -> str:
        return str(self._describe(kind, json.dumps(document).encode())["digest"])

    def _describe(self, kind: str, data: bytes) -> dict[str, Any]:
        digest = _digest(data)
        self.content[digest] = kind, data
        return {"mediaType": kind, "size": len(data), "digest": digest}


class _Handler(BaseHTTPRequestHandler):
    server: FakeRegistry
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        if self.server.refuses:
            self._answer(401, "application/json", b'{"errors": [{"code": "UNAUTHORIZED"}]}')
        elif self.path == "/v2/":
            self._answer(200, "application/json", b"{}")
        elif found := self.server.content.get(self.path.rpartition("/")[2]):
            self._answer(200, *found)
        else:
            code = "MANIFEST_UNKNOWN" if "/manifests/" in self.path else "BLOB_UNKNOWN"
            error = {"errors": [{"code": code, "message": code.replace("_", " ").lower()}]}
            self._answer(404, "application/json", json.dumps(error).encode())

    def do_HEAD(self) -> None:
        self.do_GET()

    def _answer(self, status: int, kind: str, data: bytes) -> None:
        self.send_response(status)
        self.send_header("Docker-Distribution-Api-Version", "registry/2.0")
        self.send_header("Content-Type", kind)
        self.send_header("Docker-Content-Digest", _digest(data))
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _tar(name: bytes, data: bytes) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        entry = tarfile.TarInfo(name.decode())
        entry.size = len(data)
        archive.addfile(entry, io.BytesIO(data))
    return file.getvalue()


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


@contextmanager
def fake_registry() -> Iterator[FakeRegistry]:
    """Serve an empty registry."""
    with FakeRegistry() as registry:
        thread = Thread(target=registry.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield registry
        finally:
            registry.shutdown()
            thread.join()
