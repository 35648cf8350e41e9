"""Are answers without sense flagged, and those of a small model not? Asks both in rounds.

A round is the work of a quick run with one repeat: 20 questions before it and 20 after it. The
small model is SmolLM2-135M, which NOBS's own llama.cpp serves.
"""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from nobs.catalog import load_catalog
from nobs.data.texts import load_texts
from nobs.log import configure_json
from nobs.providers import PROVIDERS
from nobs.schema.server import Connection, Locality, ServerRef, ServerRequest
from nobs.system.host import usable_cores
from nobs.tasks.base import Work
from nobs.tasks.llms.answers import find_suspicions
from nobs.tasks.llms.bench import make_bench
from nobs.tasks.llms.report import AnswerCheck
from nobs.tasks.parameters import typed
from tests.fakes.llm_answers import MODEL, garbage
from tests.fakes.llm_server import serving

WORKLOAD = "llms-quick/2"


@contextmanager
def small_model() -> Iterator[tuple[str, str]]:
    """Start llama.cpp with the model; yield its URL and the model's name."""
    llamacpp = PROVIDERS.load("llamacpp")
    with llamacpp.open(ServerRequest(), None, lambda line: None) as served:
        yield served.connection.base_url, served.model


@contextmanager
def garbage_server(seed: int) -> Iterator[tuple[str, str]]:
    """Start a server whose answers have the right shape, and random words."""
    with serving(garbage(seed)) as server:
        yield server.url, MODEL


def ask(url: str, model: str) -> AnswerCheck:
    """Do one round."""
    catalog = load_catalog()
    workload = typed(catalog.workloads[WORKLOAD])
    with TemporaryDirectory() as directory:
        bench = make_bench(
            Work(
                model=workload.models[0], inputs=load_texts(workload.dataset).rows,
                workload=workload, directory=Path(directory),
                server=ServerRef(
                    provider="openai", base_url=url, model=model, locality=Locality.LOCAL
                ),
                connection=Connection(base_url=url),
            )
        )  # fmt: skip
        try:
            bench.load()
            bench.warm_up()
            bench.run()
            bench.measure_extra()
            return AnswerCheck.model_validate(bench.facts()["answers"])
        finally:
            bench.close()


def show(name: str, number: int, check: AnswerCheck) -> bool:
    """Print one round; return whether it is flagged."""
    suspicions = list(find_suspicions(check))
    right = ", ".join(f"{each.right} of {each.right + each.wrong}" for each in check.rounds)
    print(f"{name:<12}{number:3}  right: {right:<22}{'flagged' if suspicions else ''}", flush=True)
    return bool(suspicions)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", "--rounds", type=int, default=20)
    rounds = parser.parse_args().rounds
    configure_json(lambda event: None)
    random_words = small = 0
    for number in range(1, rounds + 1):
        with garbage_server(number) as (url, model):
            random_words += show("random words", number, ask(url, model))
    with small_model() as (url, model):
        for number in range(1, rounds + 1):
            small += show(model[:11], number, ask(url, model))
    print(f"random words flagged: {random_words} of {rounds}")
    print(f"SmolLM2-135M flagged: {small} of {rounds}, on {usable_cores()} cores")


if __name__ == "__main__":
    main()
