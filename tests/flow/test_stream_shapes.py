"""Decode rates of streams from a real socket, held against the server's own log."""

from statistics import median

import pytest

from nobs.tasks.chat.client.record import Figures
from tests.fakes.chats import chat, figures_of, in_chunks
from tests.fakes.llm_server import Answered, Send, serving
from tests.fakes.token_streams import Shape, reads_of

pytestmark = pytest.mark.alone

TIMES = 5
"""A busy machine delays single sends; the median answer is held against the truth."""


def streamed(shape: Shape) -> list[tuple[Figures, Answered]]:
    """Return the client's figures and the server's log of some answers of `shape`."""
    steps = [Send(at_ms / 1e3, data, b"tok " in data) for at_ms, data in reads_of(shape)]
    with serving(in_chunks(*steps)) as server:
        records = chat(server, times=TIMES)
    log = [answered for answered in server.log if answered.path.endswith("/chat/completions")]
    return list(zip(map(figures_of, records), log, strict=True))


def rate_over_truth(answers: list[tuple[Figures, Answered]], later: int) -> float:
    """Return the median of the decode rates, each over that of the server's own log."""
    return median(
        (figures.tokens_per_sec or 0.0) * (truth.token_ns[-1] - truth.token_ns[0]) / 1e9 / later
        for figures, truth in answers
    )


def chunks_of(tokens: int, size: int) -> tuple[int, ...]:
    whole, rest = divmod(tokens, size)
    return (size,) * whole + ((rest,) if rest else ())


@pytest.mark.parametrize(
    ("tokens", "size", "gap_s"),
    [(8, 1, 0.02),
     *(pytest.param(*shape, marks=pytest.mark.long) for shape in (
         (100, 7, 0.003), (500, 16, 0.0005), (2, 1, 0.1),
         (3, 1, 0.1), (8, 1, 0.05), (64, 1, 0.01), (64, 4, 0.01), (64, 16, 0.005),
         (500, 1, 0.001), (500, 2, 0.001), (2000, 1, 0.001), (2000, 16, 0.001)))],
)  # fmt: skip
def test_the_decode_rate_is_the_truth(tokens: int, size: int, gap_s: float) -> None:
    answers = streamed(Shape(sizes=chunks_of(tokens, size), gap_s=gap_s))

    assert rate_over_truth(answers, tokens - size) == pytest.approx(1, abs=0.005)
    assert [figures.output_tokens for figures, _ in answers] == [tokens] * TIMES
    for figures, _ in answers:
        assert (figures.tokens_per_sec or 0.0) * (figures.tpot_s or 0.0) == pytest.approx(1)


@pytest.mark.long
@pytest.mark.parametrize(
    ("counting", "usage"),
    [("apart", "each"), ("folded", "last"), ("apart", "last"), ("zero", "last")],
)
def test_reasoning_counts_where_it_came(counting: str, usage: str) -> None:
    answers = streamed(Shape(sizes=(1,) * 60, reasoning=40, counting=counting, usage=usage))

    assert rate_over_truth(answers, 59) == pytest.approx(1, abs=0.005)
    assert {(f.output_tokens, f.count_conflict) for f, _ in answers} == {(60, "")}


@pytest.mark.long
def test_hidden_reasoning_is_left_out_of_the_rate() -> None:
    answers = streamed(Shape(sizes=(1,) * 40, hidden=60))

    assert rate_over_truth(answers, 39) == pytest.approx(1, abs=0.005)
    assert {(f.output_tokens, f.streamed_tokens) for f, _ in answers} == {(100, 40)}


@pytest.mark.long
@pytest.mark.parametrize("size", [2048, 4096])
def test_a_buffering_proxy_is_seen_and_does_not_make_the_model_faster(size: int) -> None:
    shape = Shape(sizes=(1,) * 100, lump_bytes=size)
    figures = [figures for figures, _ in streamed(shape)]

    assert {(f.is_coalesced, f.chunk_gaps, f.itl) for f in figures} == {(True, None, None)}
    rate = median(f.tokens_per_sec or 0.0 for f in figures)
    assert rate == pytest.approx(shape.rate, rel=0.03)
    latency_s = median(f.total_latency_s for f in figures)
    assert latency_s == pytest.approx(0.05 + 99 * 0.005, rel=0.03)
