"""Records of a served VLM in a report."""

from pydantic import BaseModel

from nobs.schema.report import Interval
from nobs.schema.telemetry import Figure
from nobs.tasks.chat.report import ChatModelReport, LlmRequest, LlmRun


class VlmRequest(LlmRequest):
    """One request with an image."""

    picture: str = ""
    """Name of the picture."""
    width: int = 0
    """Pixels sent."""
    height: int = 0
    """Pixels sent."""
    image_bytes: int = 0
    """Of the PNG."""
    request_bytes: int = 0
    """Of the whole body, in which the PNG is base64."""
    control: int = 0
    """`prompt` of the control requests with the same text."""


class VlmRun(LlmRun):
    """One repeat: all pictures sequentially."""

    prompts: tuple[VlmRequest, ...]
    median_image_cost_s: float | None = None
    """Over the complete answers: TTFT minus the median TTFT of the same text without the image."""
    images_per_sec: float | None = None
    """Complete answers over the sum of their latencies."""
    megapixels_per_sec: float | None = None
    """Pixels of the complete answers over the sum of their image costs."""


class ControlRun(BaseModel):
    """The texts of all pictures once without images, outside the repeats."""

    requests: tuple[LlmRequest, ...]


class SizeFigures(BaseModel):
    """Figures of the pictures of one size."""

    width: int
    height: int
    images: int
    """Complete answers."""
    image_bytes: int
    """Median of the PNGs."""
    image_tokens: int | None
    """Median of the usage with the image minus that of the same text; null if the server counts no
    prompt tokens."""
    image_cost_s: float | None
    """Median over the repeats of the median image cost."""
    image_cost_interval: Interval | None
    """CI of `image_cost_s`."""
    ttft_s: float
    """Median TTFT."""
    latency_s: float
    """Median latency."""


class PictureCheck(BaseModel):
    """A question with one sure answer, with the picture and with a blank image of its size."""

    picture: str
    width: int
    height: int
    question: str
    answer: str
    """With the picture, shortened; empty if the request failed."""
    is_right: bool
    """Whether `answer` has a right word and no wrong one."""
    blank_answer: str
    """With the blank image, shortened."""
    is_blank_right: bool
    """Whether `blank_answer` would be right."""


class OneImageLevel(BaseModel):
    """Many questions about one unchanged image, with the server's cache."""

    picture: str
    width: int
    height: int
    first_ttft_s: float
    """TTFT of the first question."""
    later_ttft_s: float
    """Median TTFT of the later ones."""
    later: int
    """Later questions with a complete answer."""
    input_tokens: int | None
    """Of the last question."""
    cached_tokens: int | None
    """Of the last question, as counted by the server; null if it doesn't."""


class VlmModelReport(ChatModelReport):
    """Figures of a served VLM; null or empty if it isn't ok.

    Medians are over the repeats, of each repeat's median over its pictures. The image cost is the
    TTFT with the image minus that of the same text without it. `device` is the backend of the run,
    not the server's hardware. `task_score` is null unless the server is local.
    """

    final_median_image_cost_s: float | None = None
    """TTFT with the image minus the median TTFT of the same text without it."""
    image_cost_interval: Interval | None = None
    """CI of `final_median_image_cost_s`, with the spread of the control requests."""
    final_median_images_per_sec: float | None = None
    """Complete answers over the sum of their latencies."""
    images_per_sec_interval: Interval | None = None
    """CI of `final_median_images_per_sec`."""
    final_median_megapixels_per_sec: float | None = None
    """Pixels over image cost."""
    megapixels_per_sec_interval: Interval | None = None
    """CI of `final_median_megapixels_per_sec`."""
    sizes: tuple[SizeFigures, ...] = ()
    """Figures of each size, smallest first."""
    resized_from: tuple[int, int] | None = None
    """Width and height of the smallest size that the server reduces to the tokens of a smaller
    one; null if none was seen."""
    right_share: float | None = None
    """Share of the sure questions that were answered right; null without such questions."""
    looked_share: float | None = None
    """Share that were answered right with the picture but not with a blank image."""
    min_right_share: float = 0.0
    """As the workload pins it: with fewer right answers the output is suspect."""
    picture_checks: tuple[PictureCheck, ...] = ()
    """The sure questions, asked after the repeats."""
    controls: tuple[ControlRun, ...] = ()
    """Requests without images, before and after the repeats."""
    one_image: OneImageLevel | None = None
    """Null unless requested."""
    joules_per_1000_images: Figure | None = None
    """Energy of the backend's devices per 1,000 complete answers, if the server computes on this
    machine."""
    all_runs: tuple[VlmRun, ...] = ()
    """Repeats, raw, in order."""
