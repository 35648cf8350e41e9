"""Are random weights as fast as real ones? MiniLM with both, in alternating passes."""

import argparse
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import torch

from nobs.catalog import load_catalog
from nobs.data.models import open_model
from nobs.data.texts import load_texts
from nobs.schema.enums import Dtype
from nobs.schema.pins import ModelPin, RandomWeights, Source
from nobs.stats import interval_of_repeats
from nobs.tasks.base import Work
from nobs.tasks.parameters import typed
from nobs.tasks.text_embeddings.bench import EmbeddingsBench

CATALOG = load_catalog()
WORKLOAD = typed(CATALOG.workload("embeddings", "quick"))
(REAL,) = WORKLOAD.models


@dataclass(frozen=True, kw_only=True)
class Ratio:
    """Time with real weights over time with random ones, of two neighbouring passes."""

    wall: float
    cpu: float


def random_pin(seed: int) -> ModelPin:
    """Return the model of the quick workload with random weights."""
    weights = RandomWeights(seed=seed, architecture=CATALOG.architectures[REAL.id])
    return ModelPin(id=REAL.id, source=Source.RANDOM, random=weights)


def load(pin: ModelPin, rows: int, dtype: Dtype, directory: Path) -> EmbeddingsBench:
    """Return the bench of a step, warmed up."""
    params = WORKLOAD.params.model_copy(update={"dtype": dtype})
    work = Work(
        model=pin, model_path=open_model(pin).path, directory=directory, torch_device="cpu",
        inputs=load_texts(WORKLOAD.dataset).rows[:rows],
        workload=WORKLOAD.model_copy(update={"params": params}),
    )  # fmt: skip
    bench = EmbeddingsBench(work)
    bench.load()
    bench.warm_up()
    return bench


def time_pass(bench: EmbeddingsBench) -> tuple[float, float]:
    """Return the seconds of a pass by the clock and of the CPU."""
    wall, cpu = time.perf_counter(), time.process_time()
    bench.run()
    return time.perf_counter() - wall, time.process_time() - cpu


def compare(real: EmbeddingsBench, random: EmbeddingsBench, pairs: int) -> Iterator[Ratio]:
    """Yield the ratios of pairs; every other pair begins with the random weights."""
    for number in range(pairs):
        order = (real, random) if number % 2 == 0 else (random, real)
        times = {id(bench): time_pass(bench) for bench in order}
        (wall, cpu), (random_wall, random_cpu) = times[id(real)], times[id(random)]
        yield Ratio(wall=wall / random_wall, cpu=cpu / random_cpu)


def count_tokens(bench: EmbeddingsBench) -> int:
    bench.profile(100.0)
    return int(bench.facts()["tokens"])


def describe(name: str, ratios: list[float]) -> str:
    found = interval_of_repeats(ratios)
    return (
        f"{name:5} {median(ratios):.4f}  95 % CI {found.low:.4f} to {found.high:.4f}  "
        f"({len(ratios)} pairs)"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=6, help="with models loaded again for each")
    parser.add_argument("--pairs", type=int, default=8, help="of a round")
    parser.add_argument("--rows", type=int, default=32)
    parser.add_argument("--dtype", type=Dtype, default=Dtype.FLOAT32)
    words = parser.parse_args()
    torch.set_num_threads(1)
    ratios: list[Ratio] = []
    for seed in range(1, words.rounds + 1):
        pins = (REAL, random_pin(seed)) if seed % 2 else (random_pin(seed), REAL)
        with tempfile.TemporaryDirectory() as directory:
            loaded = [load(p, words.rows, words.dtype, Path(directory)) for p in pins]
            real, random = loaded if seed % 2 else reversed(loaded)
            with closing(real), closing(random):
                ratios += compare(real, random, words.pairs)
                if seed == 1:
                    print(f"tokens: {count_tokens(real)} real, {count_tokens(random)} random")
    print(f"rate with random weights over rate with real ones, {words.dtype}, one thread")
    print(describe("wall", [ratio.wall for ratio in ratios]))
    print(describe("CPU", [ratio.cpu for ratio in ratios]))


if __name__ == "__main__":
    main()
