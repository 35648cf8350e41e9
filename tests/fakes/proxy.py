"""A forward proxy on loopback that sends every request to one server and remembers its address."""

import http.client
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import urlsplit


@contextmanager
def forward_proxy(target: str) -> Iterator[tuple[str, list[str]]]:
    """Yield the proxy's URL and the URLs that it was asked for; `target` answers them all."""
    asked: list[str] = []
    host = urlsplit(target).netloc

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            parts = urlsplit(self.path)
            path = f"{parts.path}?{parts.query}" if parts.query else parts.path
            headers = {n: v for n, v in self.headers.items() if not n.startswith("Proxy-")}
            with closing(http.client.HTTPConnection(host, timeout=30)) as server:
                server.request(self.command, path, headers=headers | {"Host": host})
                answer = server.getresponse()
                body = answer.read()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name not in ("Server", "Date", "Transfer-Encoding"):
                    self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_HEAD = do_GET  # noqa: N815 - the base class reads this name

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", asked
        finally:
            server.shutdown()
            thread.join()
