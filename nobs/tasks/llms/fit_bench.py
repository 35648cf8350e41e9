"""Does it fit: each repeat starts llama.cpp at growing context lengths, and fills them."""

import sys
from pathlib import Path
from typing import Any

from nobs.errors import RequirementError
from nobs.providers.client import Server
from nobs.providers.fields import text_of
from nobs.providers.weights import find_weights
from nobs.schema.server import Connection, ServerRef
from nobs.system.host import usable_physical_cores
from nobs.tasks.base import Work
from nobs.tasks.chat.server import server_of
from nobs.tasks.fit.bench import GrowthBench
from nobs.tasks.fit.process import Bounds, Guess, grow_apart
from nobs.tasks.fit.report import Estimate, Stop
from nobs.tasks.llms.gguf import context_of, kv_bytes_per_token, read_header
from nobs.tasks.llms.params import LlmFitParams

COMMAND = (sys.executable, "-m", "nobs.tasks.llms.fit_child")
PER = 1000
"""Tokens that the slope is given for."""
FORMULA = "KV cache: layers x kv heads x (key + value) x 2 bytes"
NO_FORMULA = "KV cache: this architecture's isn't known"


class FitBench(GrowthBench):
    """Grow for each repeat; the server of the run only says what it is."""

    def __init__(self, work: Work) -> None:
        self.params = work.params_of(LlmFitParams)
        super().__init__(work, "cpu", self.params.memory_share)
        self.server, connection = server_of(work)
        _refuse_other_servers(self.server, work.workload.label)
        self._weights = find_weights(work.model) if work.model.package else _served_file(connection)
        self._header = read_header(self._weights)

    def run(self) -> int:
        """Grow once; return the tokens that were computed."""
        params = self.params
        order = {
            "settings": {
                "weights": str(self._weights), "model": self.server.model, "aliases": (),
                "projector": None, "threads": usable_physical_cores(), "parallel": 1,
            },
            "text": "\n".join(self.work.inputs),
            "output_tokens": params.output_tokens,
        }  # fmt: skip
        bounds = Bounds(
            host_bytes=self._limit, budget_s=params.budget_s,
            allowed=lambda: min(self._limit, self._host_allowed()),
        )  # fmt: skip
        guess = Guess(estimate=self._estimate(), per=PER)
        longest = context_of(self._header) or max(params.context_lengths)
        sizes = [size for size in params.context_lengths if size <= longest]
        growth, _ = grow_apart(COMMAND, order, sizes, bounds, guess)
        if len(growth.points) == len(sizes) < len(params.context_lengths):
            growth = growth.model_copy(update={
                "stopped_by": Stop.MODEL, "stopped_at": params.context_lengths[len(sizes)],
                "why": f"the model was trained with {longest:,} tokens",
            })  # fmt: skip
        self._growths.append(growth)
        return max(1, sum(point.size for point in growth.points))

    def facts(self) -> dict[str, Any]:
        """Return all growths and the server that says what the model is."""
        return {
            "server": self.server.model_dump(mode="json"),
            "fit": self._fit(("tokens", PER), self._estimate()).model_dump(mode="json"),
        }

    def _estimate(self) -> Estimate:
        each = kv_bytes_per_token(self._header)
        return Estimate(
            weights_bytes=self._weights.stat().st_size,
            slope_bytes=None if each is None else float(PER * each),
            method=NO_FORMULA if each is None else FORMULA,
        )


def _served_file(connection: Connection) -> Path:
    """Return the file that the run's server serves; RequirementError unless it is here."""
    with Server(connection) as server:
        named = text_of(server.native("/props").get("model_path"))
    if named is None or not Path(named).is_file():
        raise RequirementError(
            f"The weights {named or 'of the server'} can't be read by this process.",
            "Measure what fits with --execution native.",
        )
    return Path(named)


def _refuse_other_servers(server: ServerRef, label: str) -> None:
    """Raise RequirementError for a server that NOBS didn't start from a file it knows."""
    if server.identity is None or server.identity.weights_sha256 is None:
        raise RequirementError(
            f"{label} starts llama.cpp once per context length; the memory of the server at"
            f" {server.base_url} can't be read by NOBS, nor its context changed.",
            "Leave out --llm-url, --provider and --setup-lm-studio, or measure speed by context"
            " length of this server with --profile depth.",
        )
