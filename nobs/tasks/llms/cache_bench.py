"""The work of a cache workload: a conversation, then the same texts uncached."""

from dataclasses import dataclass, replace
from typing import Any

from nobs.providers.chat import ChatRequest, new_prefix
from nobs.tasks.base import Work
from nobs.tasks.chat.aggregate import request_of
from nobs.tasks.chat.bench import ChatBench, SentRequest
from nobs.tasks.llms.params import CacheParams
from nobs.tasks.llms.prose import OTHER, conversation_of
from nobs.tasks.llms.report import CacheTable, CacheTurn

CACHES_BY_REQUEST = "llama.cpp"
"""The runtime that takes `cache_prompt`: the embedded server caches nothing without it."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One request: a turn after a nonce, which the turns of a conversation share."""

    turn: int
    nonce: str


class CacheBench(ChatBench):
    """Send a conversation turn by turn, then each of its prompts with a nonce of its own."""

    def __init__(self, work: Work) -> None:
        super().__init__(work)
        params = work.params_of(CacheParams)
        self._conversation = conversation_of(work.inputs, params)
        self._turns = (*range(1, params.turns + 1), OTHER)
        identity = self.server.identity
        caches_by_request = identity is not None and identity.runtime == CACHES_BY_REQUEST
        self._extra = {"cache_prompt": True} if caches_by_request else {}

    def prepare(self) -> None:
        """Send the longest prompt: if it is too long for the server, the step ends here."""
        longest = Row(turn=max(self._turns), nonce=new_prefix())
        self._loop.run(self._send_all((longest,)))

    def run(self) -> int:
        """Send all prompts; return the output tokens of the complete answers."""
        self._repeats += 1
        nonce = new_prefix()
        cached = [Row(turn=turn, nonce=nonce) for turn in self._turns]
        # Afterwards: they could push the conversation out of a small cache.
        uncached = [Row(turn=turn, nonce=new_prefix()) for turn in self._turns[1:]]
        return self._loop.run(self._send_all((*cached, *uncached)))

    def chat(self, row: Row, prefix: str) -> ChatRequest:
        """Return the request of one turn."""
        chat = self.ask(self._conversation.messages(row.turn, prefix, self.server.request))
        return replace(chat, extra=self._extra)

    def measure_more(self) -> None:
        """Do nothing: no load is measured on top, and cached tokens are meant."""

    def facts(self) -> dict[str, Any]:
        """Return also the numbers of the requests of each turn."""
        count = len(self._turns)
        turns = tuple(
            CacheTurn(
                turn=turn, number=number, uncached_number=count + number - 1 if number > 1 else None
            )
            for number, turn in enumerate(self._turns, start=1)
        )
        return super().facts() | {"cache": CacheTable(turns=turns).model_dump(mode="json")}

    async def _send(self, number: int, row: Row) -> SentRequest:
        record = await self.send(self.chat(row, row.nonce))
        request = request_of(record, number, self.params.min_output_tokens)
        return SentRequest(repeat=self._repeats, prefix=row.nonce, record=record, request=request)
