"""The work of a cold start with pictures: the first picture twice after each start."""

from typing import Any

from nobs.tasks.base import Work
from nobs.tasks.chat.bench import SentRequest
from nobs.tasks.chat.cold import REQUESTS
from nobs.tasks.chat.cold_bench import ColdBench
from nobs.tasks.chat.report import LlmRequest
from nobs.tasks.vlms.encode import SentPicture, encode, fit
from nobs.tasks.vlms.params import VlmsColdParams
from nobs.tasks.vlms.pictures import Picture
from nobs.tasks.vlms.sending import PictureBench

CONTROL = 1
"""Number of the text of both requests without the picture."""


class VlmColdBench(ColdBench, PictureBench):
    """Start the server, or load its model, and ask about a picture: the projector is loaded too."""

    params: VlmsColdParams

    def __init__(self, work: Work) -> None:
        super().__init__(work)
        self._picture: Picture = fit(work.inputs[0], self.params.max_side)
        self._controls: list[LlmRequest] = []

    def rows(self) -> tuple[SentPicture, ...]:
        """Return the picture encoded twice, with other new pixels each time."""
        return tuple(encode(self._picture.image) for _ in range(REQUESTS))

    def look(self) -> None:
        """Ask also for the tokens of the text: a server that ignores pictures counts no more."""
        super().look()
        question = self._picture.open_question
        self._controls = [self._loop.run(self.send_control(question, CONTROL))]

    def facts(self) -> dict[str, Any]:
        """Return all starts, and the request without the picture."""
        requests = [request.model_dump(mode="json") for request in self._controls]
        return super().facts() | {"controls": [{"requests": requests}]}

    async def _send(self, number: int, row: SentPicture) -> SentRequest:
        return await self.send_picture(number, self._picture, row, CONTROL)
