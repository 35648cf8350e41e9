"""Requests with pictures, and the same texts without them, whatever they are measured for."""

from collections.abc import Sequence

from nobs.errors import HostApiError
from nobs.providers.chat import new_prefix
from nobs.tasks.chat.aggregate import request_of
from nobs.tasks.chat.bench import ChatBench, SentRequest
from nobs.tasks.chat.report import LlmRequest
from nobs.tasks.vlms.encode import SentPicture
from nobs.tasks.vlms.pictures import Picture
from nobs.tasks.vlms.refusals import explain_images
from nobs.tasks.vlms.requests import image_messages, text_messages, vlm_request

CONTROL_TOKENS = 2
"""Output tokens of a request whose TTFT or input tokens alone are of interest."""


class PictureBench(ChatBench):
    """Sends pictures; which ones and when is what its subclasses say."""

    def explain(self, requests: Sequence[LlmRequest]) -> HostApiError:
        """Return the error with what to do about images that a server refuses."""
        return explain_images(requests, self.server.base_url) or super().explain(requests)

    async def send_picture(
        self, number: int, row: Picture, sent: SentPicture, control: int
    ) -> SentRequest:
        """Send the open question about `row`; `control` is the number of its text without image."""
        prefix = new_prefix()
        chat = self.ask(image_messages(prefix, sent, row.open_question))
        record = await self.send(chat)
        plain = request_of(record, number, self.params.min_output_tokens)
        request = vlm_request(plain, sent, chat, row.name, control)
        return SentRequest(repeat=self._repeats, prefix=prefix, record=record, request=request)

    async def send_control(self, text: str, number: int) -> LlmRequest:
        """Send `text` without an image."""
        chat = self.ask(text_messages(new_prefix(), text), CONTROL_TOKENS)
        return request_of(await self.send(chat), number, 1)
