"""What reading a server's /metrics costs, alternating streams with and without it.

`python -m benchmarks.server_watch` compares the client's timing error, by a server that logs when
it sends, with and without reads of a page of 260 kB, and counts the CPU time of a read.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from statistics import median

from nobs.schema.server import Connection
from nobs.system.child import child
from nobs.tasks.chat.client.accuracy import measure_own_error
from nobs.tasks.chat.client.record import ClientAccuracy
from nobs.tasks.chat.metrics_source import MetricsSource
from nobs.tasks.chat.server_watch import ServerWatch

BUCKETS = 3000
READS = 50
_SERVER = f"""
import http.server
line = 'vllm:request_latency_bucket{{engine="0",le="%d",model_name="m",reason="long"}} 12345.0\\n'
page = ''.join(line % n for n in range({BUCKETS}))
page += 'vllm:num_requests_running{{engine="0",model_name="m"}} 0.0\\n'
class Page(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page.encode())
    def log_message(self, *_):
        pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
print(server.server_port, flush=True)
server.serve_forever()
"""


@contextmanager
def metrics_server() -> Iterator[Connection]:
    """Serve the page from another process."""
    with child([sys.executable, "-c", _SERVER], own_session=False) as process:
        assert process.stdout is not None
        yield Connection(base_url=f"http://127.0.0.1:{int(process.stdout.readline())}/v1")


async def cpu_per_read_s(connection: Connection) -> float:
    """Return the CPU time of this process for one read."""
    source = MetricsSource(connection, "m")
    await source.read()
    start_s = time.process_time()
    for _ in range(READS):
        await source.read()
    source.close()
    return (time.process_time() - start_s) / READS


def describe(errors: list[ClientAccuracy]) -> str:
    """Return the medians of several measurements."""
    ttft = median(abs(error.ttft_error_s) for error in errors)
    gaps = median(abs(error.itl_error) for error in errors)
    p99 = median(error.delay_p99_s for error in errors)
    return f"TTFT {1e3 * ttft:7.3f} ms   ITL {100 * gaps:7.4f} %   p99 delay {1e3 * p99:7.3f} ms"


def main() -> None:
    """Print the timing errors with and without reads."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--streams", type=int, default=32)
    parser.add_argument("--period", type=float, default=0.1, help="seconds; NOBS reads at 1 Hz")
    asked = parser.parse_args()
    with metrics_server() as connection:
        print(f"CPU per read: {1e3 * asyncio.run(cpu_per_read_s(connection)):.2f} ms")
        watch = ServerWatch(connection, "m", period_s=asked.period)
        found: dict[str, list[ClientAccuracy]] = {"without": [], "with": []}
        for _ in range(asked.rounds):
            for name, errors in found.items():
                with watch.window() if name == "with" else nullcontext():
                    errors.append(measure_own_error(asked.streams))
    for name, errors in found.items():
        print(f"{name:8} reads: {describe(errors)}")


if __name__ == "__main__":
    main()
