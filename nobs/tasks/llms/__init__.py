"""`llms`: latency, time to first token (TTFT) and tokens per second of a served model."""

from collections.abc import Iterator, Mapping
from typing import Any

from nobs.schema.flags import Flag, FlagName
from nobs.schema.pins import Params, Workload
from nobs.tasks.chat.figures import FIGURES, SUMMARY
from nobs.tasks.chat.flags import flags_of
from nobs.tasks.chat.load_lines import load_lines
from nobs.tasks.chat.task import LOAD, MAX_OUTPUT_TOKENS, ChatTask
from nobs.tasks.figures import Figure, Kind, Measured
from nobs.tasks.llms.answers import find_suspicions
from nobs.tasks.llms.params import CheckedLlmParams, LlmParams
from nobs.tasks.llms.report import LlmModelReport
from nobs.tasks.options import DATA, SERVER


def _right(model: LlmModelReport) -> Measured | None:
    answers = model.answers
    if answers is None or answers.share is None:
        return None
    return Measured(value=answers.share, low=answers.low, high=answers.high, confidence=0.95)


RIGHT = Figure[LlmModelReport](
    key="right_answers", label="right", title="Right answers", kind=Kind.SHARE, is_charted=False,
    meaning="share of short closed questions that were answered right", read=_right,
)  # fmt: skip


class Llms(ChatTask):
    """The definition; most of the work is that of every served model."""

    name = "llms"
    title = "LLM inference"
    bench = "nobs.tasks.llms.bench:make_bench"
    params: Mapping[str, type[Params]] = {"llms": LlmParams, "llms-checked": CheckedLlmParams}
    options = (MAX_OUTPUT_TOKENS, *LOAD, *SERVER, *DATA)
    # If other tasks run too, the user's data set is meant for them.
    options_alone = frozenset(option.name for option in DATA)
    report_type = LlmModelReport
    figures = (*FIGURES, RIGHT)
    summary = (*SUMMARY, RIGHT)

    def find_flags(self, model: Any) -> Iterator[Flag]:  # noqa: ANN401 - as in the base
        """Yield the flags of every served model, and that its output is suspect."""
        yield from flags_of(model)
        if reasons := list(_suspicions(model)):
            yield Flag.warning(FlagName.OUTPUT_SUSPECT, f"The output is suspect: {reasons[0]}.")

    def find_open_reasons(self, model: Any, workload: Workload) -> Iterator[str]:  # noqa: ANN401
        """Yield the reasons of every served model, and why the output is suspect."""
        yield from super().find_open_reasons(model, workload)
        yield from (f"answers: {reason}" for reason in _suspicions(model))

    def details(self, model: Any) -> Iterator[str]:  # noqa: ANN401
        """Yield how many questions were answered right, and the load table."""
        if model.answers is not None:
            counts = " before, ".join(
                f"{each.right} of {each.right + each.wrong}" for each in model.answers.rounds
            )
            yield f"  questions answered right: {counts} after the repeats"
        yield from load_lines(model)


def _suspicions(model: LlmModelReport) -> Iterator[str]:
    if model.answers is not None:
        yield from find_suspicions(model.answers)


DEFINITION = Llms()
