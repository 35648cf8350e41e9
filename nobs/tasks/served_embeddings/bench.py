"""The work of a served model of embeddings: cells of request sizes and concurrencies."""

import asyncio
import itertools
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Literal

from nobs.log import get_logger
from nobs.providers.embed import EmbedRequest
from nobs.tasks.base import Bench, Work
from nobs.tasks.chat.aggregate import MAX_FAILED_SHARE
from nobs.tasks.chat.server import refuse_other_model, server_of
from nobs.tasks.served_embeddings.aggregate import cell_run, name_of
from nobs.tasks.served_embeddings.check import (
    ALONE_TEXTS,
    RELATED_TRIALS,
    StoredVectors,
    cosine,
    find_limit,
    has_model,
    judge_base64,
    judge_related,
)
from nobs.tasks.served_embeddings.client import Sent, send_all
from nobs.tasks.served_embeddings.failures import explain
from nobs.tasks.served_embeddings.params import Load, ServedEmbeddingsParams
from nobs.tasks.served_embeddings.report import CellRun, ServedEmbeddingsRun, VectorCheck
from nobs.tasks.served_embeddings.texts import cut_texts, related_part
from nobs.tasks.served_embeddings.vectors import Answer, Tally, Vector
from nobs.units import format_seconds

BASE64_TEXTS = 2
log = get_logger()


class ServedEmbeddingsBench(Bench):
    """Embed the texts of every cell with one served model, in each repeat the same ones."""

    def __init__(self, work: Work) -> None:
        self.work = work
        self.params = work.params_of(ServedEmbeddingsParams)
        self.server, self._connection = server_of(work)
        self._loop = asyncio.Runner()
        self._texts = cut_texts(work.inputs)
        self._stored = StoredVectors(
            self.params.reference, self.params.reference_max_seq_length, self._texts
        )
        self._runs: list[ServedEmbeddingsRun] = []
        self._skipped: dict[str, str] = {}
        self._models: Counter[str] = Counter()
        self._check = Tally()
        self._last: dict[str, Vector] = {}
        """Vectors of the last repeat, by text."""
        self._batched: dict[str, None] = {}
        """Those texts that were sent with others, in order."""
        self._tokens_alone: dict[str, int] = {}
        self._found: dict[str, Any] = {}

    def load(self) -> None:
        """Send one text; the check before the run has loaded the model."""
        (answer,) = self._send([self._texts[:1]])
        if answer is None or answer.failure is not None:
            raise explain([answer], self.server.base_url)

    def warm_up(self) -> None:
        """Send a request of every size, and leave out what is refused or would take too long."""
        latencies: dict[int, float] = {}
        for inputs in self.params.inputs:
            # From the end: these texts are timed last, if at all.
            texts = list(itertools.islice(itertools.cycle(reversed(self._texts)), inputs))
            answers = self._send([texts, texts[::-1]])
            if latency := answers[-1] and answers[-1].latency_s:
                latencies[inputs] = latency
            else:
                self._skip_size(inputs, answers)
        if not latencies:
            raise explain(answers, self.server.base_url)
        self._keep_to_budget(latencies)

    def run(self) -> int:
        """Measure every cell once; return the number of texts whose vectors came back."""
        texts, self._last, self._batched = itertools.cycle(self._texts), {}, {}
        cells = []
        for load in self.params.loads():
            # Taken even if left out: the texts of a cell don't depend on other cells.
            taken = [list(itertools.islice(texts, load.inputs)) for _ in range(load.requests)]
            if name_of(load) not in self._skipped:
                cells.append(self._measure(load, taken))
        self._runs.append(ServedEmbeddingsRun(cells=tuple(cells)))
        rows = sum(cell.rows for cell in cells)
        if not rows:
            raise explain(self._check.failed, self.server.base_url)
        return rows

    def measure_extra(self) -> None:
        """Embed some texts alone, some beginnings, and two in base64."""
        texts = _spread(self._batched, ALONE_TEXTS)
        alone = self._send([[text] for text in texts])
        cosines = [
            cosine(answer.vectors[0], self._last[text])
            for text, answer in zip(texts, alone, strict=True)
            if answer is not None and answer.failure is None
        ]
        self._found["alone"] = len(cosines)
        self._found["lowest_alone_cosine"] = min(cosines, default=None)
        self._try_related(_spread(self._last, RELATED_TRIALS))
        self._try_base64(_spread(self._last, self._accepted(BASE64_TEXTS)))

    def facts(self) -> dict[str, Any]:
        """Return the raw cells of all repeats and the check of the vectors."""
        identity = self.server.identity
        limit, truncated = find_limit(
            self._tokens_alone, identity.context_length if identity else None
        )
        expected = has_model(self.params.reference, self.work.model.id, self.server)
        check = VectorCheck(
            **self._check.figures(), **self._found, truncated_at=limit, truncated=truncated,
            stored=self._stored.result(expected=expected),
        )  # fmt: skip
        return {
            "loads": [load.model_dump() for load in self.params.loads()],
            "runs": [run.model_dump(mode="json") for run in self._runs],
            "skipped": self._skipped,
            "check": check.model_dump(mode="json"),
            "embedding_dimension": check.dimension,
            "answered_models": dict(sorted(self._models.items())),
            "server": self.server.model_dump(mode="json"),
        }

    def close(self) -> None:
        """End the event loop; connections are closed with their cell."""
        self._loop.close()

    def _measure(self, load: Load, texts: Sequence[Sequence[str]]) -> CellRun:
        sent = self._send_all(texts, concurrency=load.concurrency)
        checked = [
            self._check.take(answer) if answer is not None else None for answer in sent.answers
        ]
        for asked, answer in zip(texts, checked, strict=True):
            if answer is not None and answer.failure is None:
                self._keep(asked, answer)
        found = cell_run(load, checked, sent.cpu_share)
        failed = sum(found.failures.values())
        if failed > MAX_FAILED_SHARE * found.requests:
            last = [each.error for each in checked if each is not None and each.failure is not None]
            self._skipped[name_of(load)] = (
                f"{failed} of {found.requests} requests of a repeat failed: {last[-1]:.200}"
            )
        log.info(
            "part.finished", part=f"{name_of(load)} at once", duration_s=found.duration_s,
            unit="rows", units=found.rows,
        )  # fmt: skip
        return found

    def _keep(self, texts: Sequence[str], answer: Answer) -> None:
        """Compare the vectors of one timed request, and keep those to compare later."""
        self._stored.compare(texts, answer.vectors)
        self._last |= zip(texts, answer.vectors, strict=True)
        if len(texts) > 1:
            self._batched |= dict.fromkeys(texts)
        elif answer.tokens is not None:
            self._tokens_alone[texts[0]] = answer.tokens

    def _send(
        self, texts: Sequence[Sequence[str]], encoding: Literal["base64"] | None = None
    ) -> list[Answer | None]:
        """Send one request for each of `texts`, one after the other."""
        return self._send_all(texts, encoding).answers

    def _send_all(
        self,
        texts: Sequence[Sequence[str]],
        encoding: Literal["base64"] | None = None,
        concurrency: int = 1,
    ) -> Sent:
        """Send one request for each of `texts`; raise HostApiError if another model answers."""
        requests = [
            EmbedRequest(model=self.server.model, texts=each, encoding=encoding) for each in texts
        ]
        sent = self._loop.run(send_all(self._connection, requests, concurrency))
        for model in (answer.model for answer in sent.answers if answer is not None):
            if model is not None:
                self._models[model] += 1
            refuse_other_model(model, self.server)
        return sent

    def _skip_size(self, inputs: int, answers: Sequence[Answer | None]) -> None:
        errors = [each.error for each in answers if each is not None and each.error]
        self._skip(
            (load for load in self.params.loads() if load.inputs == inputs),
            f"requests of {inputs} texts fail: {errors[-1] if errors else 'no answer':.200}",
        )

    def _keep_to_budget(self, latencies: dict[int, float]) -> None:
        """Leave out cells that don't fit in a repeat, if concurrency doesn't speed them up.

        The first one is always measured.
        """
        spent_s, budget_s = 0.0, self.params.pass_budget_s
        for load in self.params.loads():
            cell_s = latencies.get(load.inputs, 0.0) * load.requests
            if spent_s and spent_s + cell_s > budget_s:
                self._skip([load], f"a repeat would take longer than {format_seconds(budget_s)}")
            else:
                spent_s += cell_s

    def _skip(self, loads: Iterable[Load], why: str) -> None:
        for load in loads:
            self._skipped.setdefault(name_of(load), why)

    def _try_base64(self, texts: Sequence[str]) -> None:
        """Send the same request in both encodings: another one may have other rounding."""
        (plain,), (asked,) = self._send([texts]), self._send([texts], "base64")
        if asked is not None and plain is not None and plain.failure is None:
            self._found["base64"] = judge_base64(asked, plain.vectors)

    def _try_related(self, texts: Sequence[str]) -> None:
        parts = [related_part(text) for text in texts]
        answers = self._send([*itertools.batched(parts, self._accepted(len(parts)))])
        whole = [each.vectors for each in answers if each is not None and each.failure is None]
        if len(texts) > 1 and len(whole) == len(answers):
            wholes = [self._last[text] for text in texts]
            self._found["related"] = len(texts)
            self._found["related_right"] = judge_related(wholes, [*itertools.chain(*whole)])

    def _accepted(self, most: int) -> int:
        """Return how many texts a request may have, at most `most`: fewer if a size was refused."""
        sizes = {load.inputs for load in self.params.loads()}
        left = {load.inputs for load in self.params.loads() if name_of(load) not in self._skipped}
        return max(1, most) if sizes == left else min(most, max(left, default=1))


def _spread(texts: Iterable[str], count: int) -> list[str]:
    """Return `count` of `texts`, evenly spread, or all if there are fewer."""
    every = list(texts)
    return every[:: max(1, len(every) // count)][:count]
