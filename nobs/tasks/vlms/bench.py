"""The work of `vlms`: pictures with questions, and the requests that they are compared with."""

from collections.abc import Iterator, Sequence
from statistics import median
from typing import Any

from nobs.catalog import load_catalog
from nobs.errors import HostApiError
from nobs.providers.chat import ChatRequest, new_prefix
from nobs.schema.pins import Source
from nobs.tasks.base import Work
from nobs.tasks.chat.bench import SentRequest
from nobs.tasks.chat.client.record import ChatRecord
from nobs.tasks.chat.report import LlmRequest
from nobs.tasks.vlms.answers import is_right
from nobs.tasks.vlms.cold_bench import VlmColdBench
from nobs.tasks.vlms.encode import SentPicture, blank_of, encode, fit
from nobs.tasks.vlms.params import VlmParams, VlmsColdParams
from nobs.tasks.vlms.pictures import Picture, load_pictures
from nobs.tasks.vlms.report import OneImageLevel, PictureCheck
from nobs.tasks.vlms.sending import CONTROL_TOKENS, PictureBench, image_messages

CHECK_TOKENS = 32
SIDE = 448
"""Of the packaged pictures that are asked about where a workload's have no sure question."""
MIN_CONTROLS = 3
"""Control runs: one before the repeats, the others after them."""
MAX_KEPT_CHARS = 200


def make_bench(work: Work) -> PictureBench:
    """Return the bench of the workload's kind."""
    is_cold = isinstance(work.workload.params, VlmsColdParams)
    return VlmColdBench(work) if is_cold else VlmBench(work)


class VlmBench(PictureBench):
    """Send every picture of a workload to one served model."""

    params: VlmParams

    def __init__(self, work: Work) -> None:
        super().__init__(work)
        self._rows: tuple[Picture, ...] = tuple(
            fit(picture, self.params.max_side) for picture in work.inputs
        )
        self._next: list[SentPicture] = []
        self._is_repeat = False
        self._controls: list[list[LlmRequest]] = []

    def synchronize(self) -> None:
        """Encode the pictures of the next repeat when called before it: its clock runs later."""
        if self._is_repeat:
            self._is_repeat = False
        elif not self._next:
            self._next = [encode(row.image) for row in self._rows]

    def prepare(self) -> None:
        """Send one picture of each size, then all texts without images."""
        firsts = {row.image.size: row for row in reversed(self._rows)}
        self._loop.run(self._send_all(tuple(firsts.values())))
        self._send_controls()

    def run(self) -> int:
        """Send all pictures sequentially; return the output tokens of the complete answers."""
        self._is_repeat = True
        try:
            self._repeats += 1
            return self._loop.run(self._send_all(self._rows))
        finally:
            self._next = []

    def measure_more(self) -> None:
        """Send the texts without images again, ask the sure questions, then measure under load."""
        for _ in range(max(MIN_CONTROLS, self._repeats) - 1):
            self._send_controls()
        sure = [row for row in self._rows if row.answers] or self._packaged_questions()
        self._found["picture_checks"] = [
            self._check_picture(row).model_dump(mode="json") for row in sure
        ]
        if self.params.one_image_questions:
            self._found["one_image"] = self._ask_about_one().model_dump(mode="json")
        super().measure_more()

    def facts(self) -> dict[str, Any]:
        """Return also the control runs, of which an interrupted step has one."""
        controls = [
            {"requests": [request.model_dump(mode="json") for request in requests]}
            for requests in self._controls
        ]
        return super().facts() | {
            "min_right_share": self.params.min_right_share, "controls": controls,
        }  # fmt: skip

    def chat(self, row: Picture, prefix: str) -> ChatRequest:
        """Return the request of one picture, with a block of new pixels."""
        return self.ask(image_messages(prefix, encode(row.image), row.open_question))

    async def _send(self, number: int, row: Picture) -> SentRequest:
        is_ready = self._is_repeat and self._next
        sent = self._next[number - 1] if is_ready else encode(row.image)
        return await self.send_picture(number, row, sent, self._texts()[row.open_question])

    def _texts(self) -> dict[str, int]:
        """Return each text with the number of the first row that has it."""
        rows = reversed(list(enumerate(self._rows, start=1)))
        return {row.open_question: number for number, row in rows}

    def _send_controls(self) -> None:
        ordered = sorted(self._texts().items(), key=lambda each: each[1])
        self._controls.append([self._loop.run(self.send_control(*each)) for each in ordered])

    def _ask_now(self, chat: ChatRequest) -> ChatRecord:
        return self._loop.run(self.send(chat))

    def _packaged_questions(self) -> list[Picture]:
        """Return packaged pictures to ask about where those of the hub have no sure question."""
        if self.work.workload.dataset.source is not Source.HUB:
            return []
        packaged = load_pictures(load_catalog().datasets["nobs/pictures"]).rows
        return [row for row in packaged if row.image.width == SIDE]

    def _check_picture(self, row: Picture) -> PictureCheck:
        # Reasoning comes before the answer and takes most of the tokens.
        tokens = self.params.max_output_tokens if self.params.thinking else CHECK_TOKENS
        answers = [
            self._ask_now(
                self.ask(image_messages(new_prefix(), encode(image), row.question), tokens)
            ).text.strip()
            for image in (row.image, blank_of(row))
        ]
        width, height = row.image.size
        return PictureCheck(
            picture=row.name,
            width=width,
            height=height,
            question=row.question,
            answer=answers[0][:MAX_KEPT_CHARS],
            is_right=is_right(answers[0], row),
            blank_answer=answers[1][:MAX_KEPT_CHARS],
            is_blank_right=is_right(answers[1], row),
        )

    def _ask_about_one(self) -> OneImageLevel:
        row, sent = self._rows[-1], encode(self._rows[-1].image)
        prefix = new_prefix()

        def records() -> Iterator[ChatRecord]:
            for number in range(self.params.one_image_questions + 1):
                question = f"{row.open_question} Begin with point {number + 1}."
                messages = image_messages(prefix, sent, question)
                yield self._ask_now(self.ask(messages, CONTROL_TOKENS))

        return one_image_level(row.name, sent, list(records()))


def one_image_level(name: str, sent: SentPicture, records: Sequence[ChatRecord]) -> OneImageLevel:
    """Return the level of `records`, the first of which sent a new image."""
    first, *later = (record.figures for record in records)
    whole = [figures for figures in later if figures is not None]
    if first is None or not whole:
        errors = [record.error for record in records if record.error]
        raise HostApiError(
            f"All questions about one image failed: {errors[-1]}.",
            "See the server's log, or leave out --one-image-questions.",
        )
    return OneImageLevel(
        picture=name,
        width=sent.width,
        height=sent.height,
        first_ttft_s=first.ttft_s,
        later_ttft_s=median(figures.ttft_s for figures in whole),
        later=len(whole),
        input_tokens=whole[-1].input_tokens,
        cached_tokens=whole[-1].cached_tokens,
    )
