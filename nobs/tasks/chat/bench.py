"""The work of a served model: rows as sequential streamed chat completions."""

import asyncio
import itertools
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import Any

from nobs.errors import HostApiError
from nobs.providers.chat import messages_of, new_prefix
from nobs.providers.model_names import explain_other_model, names_same_model
from nobs.schema.server import Connection, ServerRef
from nobs.settings import llm_api_key
from nobs.tasks.base import Work
from nobs.tasks.chat.aggregate import MAX_FAILED_SHARE, has_too_many_failures, request_of
from nobs.tasks.chat.client.accuracy import LoopbackFailed, measure_own_error
from nobs.tasks.chat.client.chat import ChatClient, ChatRequest, chat_stream
from nobs.tasks.chat.client.record import ChatFailure, ChatRecord
from nobs.tasks.chat.failures import explain
from nobs.tasks.chat.gaps import pool_gaps
from nobs.tasks.chat.load_table import LoadMeter
from nobs.tasks.chat.params import ChatParams
from nobs.tasks.chat.report import LlmRequest
from nobs.tasks.chat.stamps import stamps_line, write_stamps

MIN_JUDGED = 10
"""Minimum requests before a run is aborted for its share of failures."""


@dataclass(frozen=True, kw_only=True)
class SentRequest:
    """One request of a repeat and its result."""

    repeat: int
    """From 1; 0 is the warm-up."""
    prefix: str
    record: ChatRecord
    request: LlmRequest


class ChatBench:
    """Send every row of a workload to one served model; a row is a prompt by default."""

    def __init__(self, work: Work) -> None:
        self.work = work
        self.params = _params(work)
        self.server, self._connection = _server(work)
        self._client = ChatClient(self._connection)
        self._loop = asyncio.Runner()
        self._sent: list[SentRequest] = []
        self._repeats = 0
        self._found: dict[str, Any] = {}
        self._names_reasons = False

    def load(self) -> None:
        """Measure the client's timing error, then open the connection to the server."""
        with suppress(LoopbackFailed):
            self._found["client_accuracy"] = asdict(measure_own_error())
        self._loop.run(self._client.open())

    def warm_up(self) -> None:
        """Send the first prompts; if all fail, so does the step, with the server's message."""
        rows = self.work.inputs[: self.params.warmup_prompts]
        self._loop.run(self._send_all(rows))

    def run(self) -> int:
        """Send all prompts sequentially; return the output tokens of the complete answers."""
        self._repeats += 1
        return self._loop.run(self._send_all(self.work.inputs))

    def measure_extra(self) -> None:
        """Measure under load if the workload asks for it."""
        if any(asked.request.cached_input_tokens for asked in self._sent):
            self._loop.run(self._measure_template())
        if self.params.load is None:
            return
        self._client.close()
        meter = LoadMeter(
            self._loop, self._connection, self.params.load, self._make_requests, self._check
        )
        self._found["load"] = meter.measure(len(self.work.inputs)).model_dump(mode="json")

    def synchronize(self) -> None:
        """Do nothing: requests are finished when `run` returns."""

    def facts(self) -> dict[str, Any]:
        """Return all requests and the pooled ITL; raise if too many requests failed."""
        runs = self._runs()
        if has_too_many_failures(runs):
            raise self.explain(list(itertools.chain(*runs)))
        shape = self.server.request
        return {
            "runs": [[request.model_dump(mode="json") for request in run] for run in runs],
            **self._gaps(),
            "server": self.server.model_dump(mode="json"),
            "max_output_tokens": self.params.max_output_tokens if shape.limit_field else None,
            "temperature": self.params.temperature if shape.temperature else None,
            **self._found,
        }

    def _gaps(self) -> dict[str, Any]:
        pooled = pool_gaps([a.record for a in self._sent if a.repeat and not a.request.failure])
        named = zip(("chunk_gaps", "itl"), pooled, strict=True)
        return {name: asdict(stats) if stats else None for name, stats in named}

    def close(self) -> None:
        """Write the raw stamps next to the result and drop the connection."""
        self._client.close()
        self._loop.close()
        write_stamps(
            self.work.directory,
            (
                stamps_line(
                    asked.record, repeat=asked.repeat, prompt=asked.request.prompt,
                    prefix=asked.prefix,
                )
                for asked in self._sent
            ),
        )  # fmt: skip

    def _check(self, record: ChatRecord) -> ChatRecord:
        """Return `record`, as a failure if it misses the finish_reason that other answers have.

        A server that never sends a reason is accepted; one that sends it for some answers only has
        aborted the others.
        """
        check_model(record, self.server)
        if record.figures is None:
            return record
        self._names_reasons |= record.figures.finish_reason is not None
        if record.figures.finish_reason is not None or not self._names_reasons:
            return record
        error = "the answer ended without a finish_reason, unlike others of this server"
        return replace(record, figures=None, failure=ChatFailure.NO_FINISH, error=error)

    def _make_requests(self, count: int) -> list[ChatRequest]:
        rows = itertools.islice(itertools.cycle(self.work.inputs), count)
        return [self.chat(row, new_prefix()) for row in rows]

    def chat(self, row: Any, prefix: str) -> ChatRequest:  # noqa: ANN401 - as the inputs
        """Return the request of one row, which begins with the nonce `prefix`."""
        return self.ask(messages_of(self.server.request, prefix, row))

    async def send(self, chat: ChatRequest) -> ChatRecord:
        """Send one request and return its checked answer."""
        return self._check(await chat_stream(self._client, chat))

    def explain(self, requests: Sequence[LlmRequest]) -> HostApiError:
        """Return the error of a step in which too many of `requests` failed."""
        return explain(requests, self.server.base_url)

    def ask(
        self, messages: Sequence[Mapping[str, Any]], max_tokens: int | None = None
    ) -> ChatRequest:
        """Return a request with the fields that the server accepts."""
        return ChatRequest(
            model=self.server.model,
            messages=messages,
            max_tokens=max_tokens or self.params.max_output_tokens,
            temperature=self.params.temperature,
            shape=self.server.request,
        )

    async def _measure_template(self) -> None:
        """Find the input tokens that all prompts share, by a prompt of one character."""
        messages = messages_of(self.server.request, new_prefix(), ".")
        record = await chat_stream(self._client, self.ask(messages))
        if record.figures and record.figures.input_tokens is not None:
            self._found["template_tokens"] = record.figures.input_tokens

    def _runs(self) -> list[list[LlmRequest]]:
        """Return the requests of each repeat."""
        numbers = range(1, self._repeats + 1)
        return [[a.request for a in self._sent if a.repeat == number] for number in numbers]

    async def _send_all(self, rows: tuple[Any, ...]) -> int:
        first = len(self._sent)
        for number, row in enumerate(rows, start=1):
            self._sent.append(await self._send(number, row))
            self._check_failures()
        requests = [asked.request for asked in self._sent[first:]]
        if all(request.failure is not None for request in requests):
            raise self.explain(requests)
        return sum(r.counted_tokens or 0 for r in requests if r.failure is None)

    async def _send(self, number: int, row: Any) -> SentRequest:  # noqa: ANN401
        prefix = new_prefix()
        record = await self.send(self.chat(row, prefix))
        request = request_of(record, number, self.params.min_output_tokens)
        return SentRequest(repeat=self._repeats, prefix=prefix, record=record, request=request)

    def _check_failures(self) -> None:
        """Raise as soon as too many requests failed: a dead server costs a timeout per request."""
        requests = [asked.request for asked in self._sent]
        failed = sum(request.failure is not None for request in requests)
        if failed > MAX_FAILED_SHARE * max(len(requests), MIN_JUDGED):
            raise self.explain(requests)


def check_model(record: ChatRecord, server: ServerRef) -> None:
    """Raise HostApiError, with both names, if another model answers than the requested one."""
    answered = record.figures.model if record.figures else None
    if answered and not names_same_model(server.model, answered, server.identity):
        raise HostApiError(*explain_other_model(server.model, answered))


def _params(work: Work) -> ChatParams:
    if not isinstance(work.workload.params, ChatParams):
        raise TypeError(f"{work.workload.label} has no parameters of a served model")
    return work.workload.params


def _server(work: Work) -> tuple[ServerRef, Connection]:
    """Return the server and the connection to it, with the key of this process's environment."""
    if work.server is None or work.connection is None:
        raise TypeError("the run's specification has no server")
    return work.server, work.connection.with_key(llm_api_key())
