"""The work of a depth workload: one prompt of each length per pass."""

from typing import Any

from nobs.errors import HostApiError
from nobs.providers.chat import ChatRequest, new_prefix
from nobs.tasks.base import Work
from nobs.tasks.chat.bench import ChatBench
from nobs.tasks.chat.client.chat import chat_stream
from nobs.tasks.chat.client.record import ChatFailure, ChatRecord
from nobs.tasks.llms.params import DepthParams
from nobs.tasks.llms.prose import USUAL_CHARS, Prompt, cut, next_chars
from nobs.tasks.llms.report import DepthCell, DepthTable
from nobs.units import format_seconds

MAX_PROBES = 3
"""Requests to cut one prompt: two with estimated lengths, one to check."""

MIN_GROWTH = 0.1
"""Share of the missing tokens that a longer prompt must have more: else the server cuts prompts."""


class DepthBench(ChatBench):
    """Send prompts of all depths, shortest first."""

    def __init__(self, work: Work) -> None:
        super().__init__(work)
        self._depth_params = work.params_of(DepthParams)
        self._prompts: list[Prompt] = []
        self._cells: list[DepthCell] = []

    def prepare(self) -> None:
        """Cut every prompt by the server's count; the requests for it are the warm-up."""
        self._loop.run(self._cut_all())

    def run(self) -> int:
        """Send all prompts; return the output tokens of the complete answers."""
        self._repeats += 1
        return self._loop.run(self._send_all(tuple(self._prompts)))

    def chat(self, row: Prompt, prefix: str) -> ChatRequest:
        """Return the request of one prompt."""
        return super().chat(row.text, prefix)

    def measure_more(self) -> None:
        """Do nothing: no load is measured on top, and the template is in the empty prompt."""

    def facts(self) -> dict[str, Any]:
        """Return also which depths were measured, and why others weren't."""
        plan = DepthTable(cells=tuple(self._cells), tolerance=self._depth_params.tolerance)
        return super().facts() | {
            "depth": plan.model_dump(mode="json"),
            "template_tokens": self._cells[0].input_tokens,
        }

    async def _cut_all(self) -> None:
        passages, params = self.work.inputs, self._depth_params
        empty = cut(passages, 0, 0, 0)
        first = await self._probe(empty)
        if first.figures is None or first.figures.input_tokens is None:
            why = first.error or "it doesn't count the tokens of prompts"
            raise HostApiError(
                f"{self.server.base_url} can't be measured by depth: {why}.",
                "Use a server that reports usage with prompt_tokens.",
            )
        template = first.figures.input_tokens
        self._keep(empty, template)
        spent_s, next_s, chars_per_token = first.figures.total_latency_s, 0.0, USUAL_CHARS
        why = ""
        for number, depth in enumerate(params.depths, start=1):
            why = why or self._reason(template, depth, spent_s + next_s)
            if why:
                self._cells.append(DepthCell(depth=depth, skipped=why))
                continue
            prompt = cut(passages, number, depth, round(depth * chars_per_token))
            prompt, record, why = await self._fit(passages, number, prompt, template)
            if record is None or record.figures is None:
                self._cells.append(DepthCell(depth=depth, skipped=why))
                continue
            self._keep(prompt, record.figures.input_tokens)
            spent_s += record.figures.total_latency_s
            deeper = params.depths[number] if number < len(params.depths) else depth
            # Prefill takes at least proportionally longer, decoding at least as long.
            next_s = record.figures.ttft_s * deeper / depth + record.figures.generation_time_s
            chars_per_token = prompt.chars / depth

    async def _fit(
        self, passages: tuple[str, ...], number: int, prompt: Prompt, template: int
    ) -> tuple[Prompt, ChatRecord | None, str]:
        """Return the prompt that has the wanted tokens, and its last answer; else why not."""
        depth, record, shorter = prompt.depth, None, 0
        for _ in range(MAX_PROBES):
            record = await self._probe(prompt)
            if record.figures is None:
                return prompt, None, _explain(record)
            prose = (record.figures.input_tokens or 0) - template
            if abs(prose - depth) <= self._depth_params.tolerance * depth:
                break
            if prose - shorter <= (MIN_GROWTH * (depth - shorter) if shorter else 0):
                return prompt, None, f"the server counts {prose:,} tokens however long a prompt is"
            shorter = prose if prose < depth else 0
            prompt = cut(passages, number, depth, next_chars(depth, prompt.chars, prose))
        return prompt, record, ""

    def _reason(self, template: int, depth: int, pass_s: float) -> str:
        """Return why a depth is left out: the context, or the time of a pass."""
        params, identity = self._depth_params, self.server.identity
        context = identity.context_length if identity else None
        needed = template + depth + params.max_output_tokens
        if context is not None and needed > context:
            return f"needs {needed:,} tokens, the server's context has {context:,}"
        if pass_s > params.pass_budget_s:
            budget = format_seconds(params.pass_budget_s)
            return f"a pass would take about {format_seconds(pass_s)}, more than {budget}"
        return ""

    def _keep(self, prompt: Prompt, tokens: int | None) -> None:
        self._prompts.append(prompt)
        self._cells.append(
            DepthCell(depth=prompt.depth, number=len(self._prompts), input_tokens=tokens)
        )

    async def _probe(self, prompt: Prompt) -> ChatRecord:
        return self._check(await chat_stream(self._client, self.chat(prompt, new_prefix())))


def _explain(record: ChatRecord) -> str:
    if record.failure is ChatFailure.HTTP_STATUS:
        return f"refused by the server: {record.error}"
    return f"no answer: {record.error}"
