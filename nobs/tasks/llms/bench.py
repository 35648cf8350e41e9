"""The work of an LLM: prompts, and questions that show whether its answers make sense."""

import time
from typing import Any

from nobs.tasks.base import Work
from nobs.tasks.chat.bench import ChatBench
from nobs.tasks.chat.client.chat import chat_stream
from nobs.tasks.chat.client.record import ChatRecord
from nobs.tasks.chat.cold_bench import ColdBench
from nobs.tasks.llms.answers import check_of, judge_round, texts_of
from nobs.tasks.llms.cache_bench import CacheBench
from nobs.tasks.llms.depth_bench import DepthBench
from nobs.tasks.llms.fit_bench import FitBench
from nobs.tasks.llms.params import (
    CacheParams,
    CheckedLlmParams,
    DepthParams,
    LlmFitParams,
    LlmsColdParams,
)
from nobs.tasks.llms.questions import QUESTIONS
from nobs.tasks.llms.report import AnswerRound

MAX_ROUND_S = 180.0
"""Longest time of a round of questions; later questions aren't asked."""


def open_bench(work: Work) -> ChatBench | FitBench:
    """Return the bench of the workload's kind."""
    return FitBench(work) if isinstance(work.workload.params, LlmFitParams) else make_bench(work)


def make_bench(work: Work) -> ChatBench:
    """Return the bench of a workload whose repeats are requests."""
    kinds: dict[type, type[ChatBench]] = {
        CheckedLlmParams: CheckedBench,
        DepthParams: DepthBench,
        CacheParams: CacheBench,
        LlmsColdParams: ColdBench,
    }
    return kinds.get(type(work.workload.params), ChatBench)(work)


class CheckedBench(ChatBench):
    """Also ask the questions before and after the repeats, untimed."""

    def __init__(self, work: Work) -> None:
        super().__init__(work)
        self._rounds: list[AnswerRound] = []

    def prepare(self) -> None:
        """Send the first prompts, then ask the questions."""
        super().prepare()
        self._loop.run(self._ask_questions())

    def measure_more(self) -> None:
        """Ask the questions again, then measure under load if the workload asks for it."""
        self._loop.run(self._ask_questions())
        super().measure_more()

    def facts(self) -> dict[str, Any]:
        """Return also what the answers are worth."""
        facts = super().facts()
        texts = texts_of(asked.record for asked in self._sent if asked.repeat)
        return facts | {"answers": check_of(self._rounds, texts).model_dump(mode="json")}

    async def _ask_questions(self) -> None:
        """Ask all questions without a nonce: the same question should get the same answer."""
        limit, start = self.work.params_of(CheckedLlmParams).question_tokens, time.monotonic()
        records: list[ChatRecord | None] = []
        for question in QUESTIONS:
            if time.monotonic() - start > MAX_ROUND_S:
                records.append(None)
                continue
            message = {"role": "user", "content": question.text}
            records.append(await chat_stream(self._client, self.ask([message], limit)))
        self._rounds.append(judge_round(records))
