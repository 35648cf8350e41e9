"""How far is the image cost that NOBS reports from that of a server that logs what it did?

    python -m benchmarks.image_cost [--rounds N]

The server answers texts after 50 ms and texts with an image after 80 ms, by its own log from the
whole request to the first token. The client's image cost is the TTFT with the image minus that of
the text, medians over the requests. Then one image of 20 MB: if encoding it were inside the clock,
the TTFT would be longer than the server's by that time; what is left is the transfer.
"""

import argparse
import asyncio
import os
import time
from contextlib import ExitStack
from dataclasses import dataclass
from statistics import median

from PIL import Image

from benchmarks.llm_client.scenario import load_now
from nobs.catalog import load_catalog
from nobs.providers.chat import ChatRequest
from nobs.schema.server import Connection
from nobs.tasks.chat.client.accuracy import Sent, truthful_server
from nobs.tasks.chat.client.chat import chat_client, request_bytes
from nobs.tasks.chat.client.exchange import Exchange
from nobs.tasks.chat.client.figures import record_of
from nobs.tasks.vlms.encode import SentPicture, encode
from nobs.tasks.vlms.pictures import Picture, load_pictures
from nobs.tasks.vlms.sending import image_messages, text_messages

TEXT, IMAGE = "50-2-16", "80-2-16"
REQUESTS = 10
LIMITS_MS = {1: 0.5, 32: 2.0}
OUTSIDE = 0.5
"""Largest share of the encoding time that the transfer may take, so that they can be told apart."""
QUESTION = "What is in the picture?"


@dataclass(frozen=True, kw_only=True)
class Ready:
    """A request whose bytes are made."""

    name: str
    data: bytes


def picture_of(side: int) -> Image.Image:
    """Return the pinned picture of that size whose PNG is the largest."""
    rows: tuple[Picture, ...] = load_pictures(load_catalog().datasets["nobs/pictures"]).rows
    fitting = (row.image for row in rows if row.image.width == side)
    return max(fitting, key=lambda image: len(encode(image).png))


def noise(megabytes: float) -> Image.Image:
    """Return an image whose PNG has about that size: random pixels don't compress."""
    side = int((megabytes * 1e6 / 3) ** 0.5)
    return Image.frombytes("RGB", (side, side), os.urandom(3 * side * side))


def text_request(url: str, name: str) -> Ready:
    return _ready(url, TEXT, name, ChatRequest(model=name, messages=text_messages(name, QUESTION)))


def image_request(url: str, name: str, sent: SentPicture) -> Ready:
    messages = image_messages(name, sent, QUESTION)
    return _ready(url, IMAGE, name, ChatRequest(model=name, messages=messages))


def _ready(url: str, schedule: str, name: str, request: ChatRequest) -> Ready:
    connection = Connection(base_url=f"{url}/{schedule}/v1")
    return Ready(name=name, data=request_bytes(connection, request))


async def send(url: str, streams: list[list[Ready]]) -> dict[str, float]:
    """Send the requests of each stream in order; return their TTFT by name."""
    with ExitStack() as stack:
        connection = Connection(base_url=f"{url}/{TEXT}/v1")
        clients = [stack.enter_context(chat_client(connection)) for _ in streams]
        await asyncio.gather(*(client.open() for client in clients))

        async def work(number: int) -> list[tuple[str, Exchange]]:
            client = clients[number]
            return [(each.name, await client.exchange(each.data)) for each in streams[number]]

        found = await asyncio.gather(*(work(number) for number in range(len(streams))))
    records = {name: record_of(exchange) for pairs in found for name, exchange in pairs}
    return {name: record.figures.ttft_s for name, record in records.items() if record.figures}


def cost_of(ttfts: dict[str, float]) -> float:
    """Return the median TTFT of images minus that of texts."""
    images = [ttft for name, ttft in ttfts.items() if name.startswith("image")]
    texts = [ttft for name, ttft in ttfts.items() if name.startswith("text")]
    return median(images) - median(texts)


def true_ttfts(log: list[tuple[str, Sent]]) -> dict[str, float]:
    return {name: (sent[1] - sent[0]) / 1e9 for name, sent in log}


def measure(streams: int, side: int) -> tuple[float, float]:
    """Return the client's image cost and the server's."""
    sent = encode(picture_of(side))
    with truthful_server() as server:
        work = [
            [
                each
                for number in range(REQUESTS)
                for each in (
                    text_request(server.url, f"text-{stream}-{number}"),
                    image_request(server.url, f"image-{stream}-{number}", sent),
                )
            ]
            for stream in range(streams)
        ]
        ttfts = asyncio.run(send(server.url, work))
        truth = true_ttfts(server.finish())
    return cost_of(ttfts), cost_of(truth)


def measure_large() -> None:
    """Print what encoding an image of 20 MB takes, and that it isn't in the TTFT."""
    picture = noise(20)
    start_s = time.perf_counter()
    with truthful_server() as server:
        sent = encode(picture)
        ready = image_request(server.url, "image", sent)
        encoded_s = time.perf_counter() - start_s
        ttft_s = asyncio.run(send(server.url, [[ready]]))["image"]
        truth_s = true_ttfts(server.finish())["image"]
    verdict = "met" if ttft_s - truth_s < OUTSIDE * encoded_s else "MISSED"
    print(
        f"{verdict:<7} PNG of {len(sent.png) / 1e6:.1f} MB, request of"
        f" {len(ready.data) / 1e6:.1f} MB: encoded in {encoded_s * 1e3:.0f} ms; TTFT"
        f" {ttft_s * 1e3:.1f} ms, by the server {truth_s * 1e3:.1f} ms; the rest is the transfer"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-n", "--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    print(f"load {load_now():.1f} at the start; image cost of the client minus the server's, ms")
    for streams, limit_ms in LIMITS_MS.items():
        for side in (448, 1344):
            pairs = [measure(streams, side) for _ in range(rounds)]
            errors = [1e3 * (ours - truth) for ours, truth in pairs]
            middle = median(errors)
            verdict = "met" if abs(middle) <= limit_ms else "MISSED"
            every = ", ".join(f"{error:+.2f}" for error in errors)
            what = f"{streams:>2} streams, {side} px"
            print(f"{verdict:<7} {what}: {middle:+.2f} (limit {limit_ms:g}); rounds {every}")
    measure_large()


if __name__ == "__main__":
    main()
