"""The work of a cold workload: start the server or load its model, then send two requests."""

from typing import Any

from nobs.providers.cold import Started, find_cold_server
from nobs.system.page_cache import cached_share, drop_files
from nobs.tasks.base import Work
from nobs.tasks.chat.bench import ChatBench, SentRequest
from nobs.tasks.chat.client.chat import ChatClient
from nobs.tasks.chat.cold import REQUESTS
from nobs.tasks.cold.report import ServerStart, ServerStarts


class ColdBench(ChatBench):
    """Start the server, or load its model, for each repeat, with the weights not in memory."""

    def __init__(self, work: Work) -> None:
        super().__init__(work)
        self._cold = find_cold_server(self.server, self._connection)
        self._starts: list[ServerStart] = []

    def load(self) -> None:
        """Measure the client's timing error; loading the model is what is measured."""
        self.measure_client()

    def warm_up(self) -> None:
        """Start once: errors show before measuring, and the machine has done all once."""
        self._start()
        self._starts.clear()

    def run(self) -> int:
        """Start from cold and send both requests; return the output tokens of the answers."""
        self._repeats += 1
        return self._start()

    def keep(self, repeats: int) -> None:
        """Drop the start of an interrupted repeat."""
        super().keep(repeats)
        del self._starts[repeats:]

    def measure_extra(self) -> None:
        """Do nothing: no load is measured on top."""

    def rows(self) -> tuple[Any, ...]:
        """Return what both requests are made from, ready before the server is started."""
        return self.work.inputs[:1] * REQUESTS

    def look(self) -> None:
        """Ask what is worth knowing of the first server, which isn't timed: the template's tokens.

        The second request after each start finds them in a prompt cache.
        """
        if self.reports_cached():
            self.measure_template()

    def facts(self) -> dict[str, Any]:
        """Return all starts beside the requests; each server was new, so none was watched."""
        cold = ServerStarts.of(self._starts).model_dump(mode="json")
        return super().facts() | {"server_metrics": None, "cold": cold}

    def _start(self) -> int:
        rows, files = self.rows(), self._cold.files
        self._cold.unload()
        drop_files(files)
        cached = cached_share(files)
        with self._cold.started() as started:
            self._client.close()
            self._client = ChatClient(started.connection)
            units = self._loop.run(self._send_all(rows))
            if not self._repeats:
                self.look()
        first, second = self._sent[-REQUESTS:]
        self._starts.append(self._figures(started, first, second, cached))
        return units

    def _figures(
        self, started: Started, first: SentRequest, second: SentRequest, cached: float | None
    ) -> ServerStart:
        """Return the parts of the start; the error of the requests if one of them failed."""
        stamps, ttft_s, warm_s = first.record.stamps, first.request.ttft_s, second.request.ttft_s
        if stamps is None or ttft_s is None or warm_s is None:
            raise self.explain([each.request for each in (first, second) if each.request.failure])
        began_s, ready_s = started.began_s, started.ready_s
        program_s = started.program_s
        first_token_at_s = stamps.sent_at_ns / 1e9 + ttft_s
        return ServerStart(
            first_result_s=first_token_at_s - began_s,
            start_s=None if program_s is None else program_s - began_s,
            load_s=ready_s - (began_s if program_s is None else program_s),
            first_token_s=first_token_at_s - ready_s,
            second_ttft_s=warm_s,
            weights_cached=cached,
        )
