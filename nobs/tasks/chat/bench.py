"""The work of a served model: rows as sequential streamed chat completions."""

import asyncio
import itertools
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from typing import Any

from nobs.errors import HostApiError
from nobs.providers.chat import ChatRequest, messages_of, new_prefix
from nobs.tasks.base import Bench, Work
from nobs.tasks.chat.aggregate import MAX_FAILED_SHARE, has_too_many_failures, pool_gaps, request_of
from nobs.tasks.chat.client.accuracy import LoopbackFailed, measure_own_error
from nobs.tasks.chat.client.chat import ChatClient, chat_stream
from nobs.tasks.chat.client.record import ChatFailure, ChatRecord
from nobs.tasks.chat.failures import explain
from nobs.tasks.chat.load_table import SETTLING, LoadMeter
from nobs.tasks.chat.params import ChatParams, LoadParams
from nobs.tasks.chat.report import LlmRequest
from nobs.tasks.chat.server import refuse_other_model, server_of
from nobs.tasks.chat.server_watch import ServerWatch, Window
from nobs.tasks.chat.share_table import WATCHING, ShareMeter, own_rows
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


class ChatBench(Bench):
    """Send every row of a workload to one served model; a row is a prompt by default."""

    def __init__(self, work: Work) -> None:
        self.work = work
        self.params = work.params_of(ChatParams)
        self.server, self._connection = server_of(work)
        self._client = ChatClient(self._connection)
        self._loop = asyncio.Runner()
        self._sent: list[SentRequest] = []
        self._repeats = 0
        self._found: dict[str, Any] = {}
        self._names_reasons = False
        self._watch = ServerWatch(self._connection, self.server.model)
        self._repeats_watched = ExitStack()
        self._window = Window()

    def load(self) -> None:
        """Measure the client's timing error, then open the connection to the server."""
        self.measure_client()
        self._loop.run(self._client.open())

    def measure_client(self) -> None:
        """Measure the client's timing error."""
        with suppress(LoopbackFailed):
            self._found["client_accuracy"] = measure_own_error().model_dump()

    def warm_up(self) -> None:
        """Send what is needed before the repeats, then watch the server's own figures."""
        self.prepare()
        self._window = self._repeats_watched.enter_context(self._watch.window())

    def prepare(self) -> None:
        """Send the first prompts; if all fail, so does the step, with the server's message."""
        rows = self.work.inputs[: self.params.warmup_prompts]
        self._loop.run(self._send_all(rows))

    def run(self) -> int:
        """Send all prompts sequentially; return the output tokens of the complete answers."""
        self._repeats += 1
        return self._loop.run(self._send_all(self.work.inputs))

    def keep(self, repeats: int) -> None:
        """Drop the requests of an interrupted repeat."""
        self._repeats = repeats
        self._sent = [asked for asked in self._sent if asked.repeat <= repeats]

    def measure_extra(self) -> None:
        """End the watch of the repeats, then measure what comes after them."""
        self._repeats_watched.close()
        self.measure_more()

    def measure_more(self) -> None:
        """Measure under load if the workload asks for it."""
        figures = self._window.figures()
        if (figures is not None and figures.cached_tokens) or self.reports_cached():
            self.measure_template()
        if self.params.load is None:
            return
        self._client.close()
        table = self._meter(self.params.load).measure(len(self.work.inputs))
        self._found["load"] = table.model_dump(mode="json")

    def reports_cached(self) -> bool:
        """Return whether the server reported cached input with any answer."""
        return any(asked.request.cached_input_tokens for asked in self._sent)

    def measure_template(self) -> None:
        """Find the input tokens that all prompts share, by a prompt of one character."""
        messages = messages_of(self.server.request, new_prefix(), ".")
        record = self._loop.run(chat_stream(self._client, self.ask(messages)))
        if record.figures and record.figures.input_tokens is not None:
            self._found["template_tokens"] = record.figures.input_tokens

    def _meter(self, load: LoadParams) -> LoadMeter | ShareMeter:
        latency_s = max((asked.request.total_latency_s or 0.0 for asked in self._sent), default=0.0)
        if load.share is not None:
            return ShareMeter(
                loop=self._loop, connection=self._connection, params=load, share=load.share,
                make=self._make_requests, check=self._check, settle_s=SETTLING * latency_s,
                watch=self._watch if load.share.index == WATCHING else None,
            )  # fmt: skip
        return LoadMeter(
            loop=self._loop, watch=self._watch, params=load, make=self._make_requests,
            check=self._check, latency_s=latency_s,
        )  # fmt: skip

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
            "server_metrics": self._watch.report(self._window.figures()).model_dump(mode="json"),
            "max_output_tokens": self.params.max_output_tokens if shape.limit_field else None,
            "temperature": self.params.temperature if shape.temperature else None,
            **self._found,
        }

    def _gaps(self) -> dict[str, Any]:
        pooled = pool_gaps([a.record for a in self._sent if a.repeat and not a.request.failure])
        named = zip(("chunk_gaps", "itl"), pooled, strict=True)
        return {name: stats.model_dump() if stats else None for name, stats in named}

    def close(self) -> None:
        """Write the raw stamps next to the result and drop the connections."""
        self._repeats_watched.close()
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
        if record.figures is None:
            return record
        refuse_other_model(record.figures.model, self.server)
        self._names_reasons |= record.figures.finish_reason is not None
        if record.figures.finish_reason is not None or not self._names_reasons:
            return record
        error = "the answer ended without a finish_reason, unlike others of this server"
        return replace(record, figures=None, failure=ChatFailure.NO_FINISH, error=error)

    def _make_requests(self, count: int) -> list[ChatRequest]:
        share = self.params.load.share if self.params.load else None
        rows = itertools.islice(itertools.cycle(own_rows(self.work.inputs, share)), count)
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
