"""Parameters of workloads of served embeddings."""

from collections.abc import Iterator
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from nobs.tasks.parameters import ClosedParams


class Load(BaseModel):
    """One cell of the table: the shape of its requests, and how many there are in a repeat."""

    model_config = ConfigDict(frozen=True)

    inputs: int
    """Texts per request."""
    concurrency: int
    """Requests in flight."""
    requests: int
    """Requests per repeat."""


class ServedEmbeddingsParams(ClosedParams):
    """Parameters of `embeddings-served` workloads."""

    kind: Literal["embeddings-served"] = "embeddings-served"
    inputs: tuple[int, ...] = Field((1, 8, 32), min_length=1)
    """Texts per request, in ascending order."""
    concurrency: tuple[int, ...] = Field((1, 4, 8), min_length=1)
    """Requests in flight, in ascending order."""
    min_rows: int = Field(32, gt=0)
    """Minimum texts of a cell in a repeat; a cell also has 2 requests per request in flight."""
    pass_budget_s: float = Field(120.0, gt=0)
    """Longest time of a repeat; the largest cells are left out if it would take longer."""
    reference: str = "sentence-transformers/all-MiniLM-L6-v2"
    """Model whose stored vectors the answers are compared with, if the server has it."""
    reference_max_seq_length: int = Field(256, gt=0)
    """Tokens of a text at which those vectors were made; no text of the workload is longer."""

    def loads(self) -> Iterator[Load]:
        """Yield the cells in the order in which they are measured."""
        for concurrency in self.concurrency:
            for inputs in self.inputs:
                requests = max(-(-self.min_rows // inputs), 2 * concurrency)
                yield Load(inputs=inputs, concurrency=concurrency, requests=requests)
