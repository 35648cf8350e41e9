"""`llms`: latency, time to first token (TTFT) and tokens per second of a served model."""

from collections.abc import Mapping

from nobs.schema.pins import Params
from nobs.tasks.chat.task import LOAD, MAX_OUTPUT_TOKENS, ChatTask
from nobs.tasks.llms.params import LlmParams
from nobs.tasks.llms.report import LlmModelReport
from nobs.tasks.options import DATA, SERVER


class Llms(ChatTask):
    """The definition; the work is that of every served model."""

    name = "llms"
    title = "LLM inference"
    params: Mapping[str, type[Params]] = {"llms": LlmParams}
    options = (MAX_OUTPUT_TOKENS, *LOAD, *SERVER, *DATA)
    # If other tasks run too, the user's data set is meant for them.
    options_alone = frozenset(option.name for option in DATA)
    report_type = LlmModelReport


DEFINITION = Llms()
