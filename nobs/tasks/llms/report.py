"""Record of a served LLM in a report."""

from nobs.tasks.chat.report import ChatModelReport


class LlmModelReport(ChatModelReport):
    """Figures of a served model; null or empty if it isn't ok.

    Medians are over the repeats, of each repeat's median over its prompts; failed requests are
    left out. `device` is the backend of the run, not the server's hardware.
    `task_score` is null unless the server is local.
    """
