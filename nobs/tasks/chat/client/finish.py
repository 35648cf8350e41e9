"""Interpret finish reasons: complete, or a class of failure."""

from nobs.tasks.chat.client.record import ChatFailure

# OpenAI's values and those of other and older APIs, in lower case.
_STOP = ("stop", "eos", "eos_token", "stop_sequence", "end_turn", "eosfound", "complete",
         "end_id", "stop_word", "stop_words", "finish_reason_stop")  # fmt: skip
_LENGTH = ("length", "max_tokens", "max_length", "maxpredictedtokensreached", "max_new_tokens",
           "max_output_tokens", "model_length", "finish_reason_max_tokens")  # fmt: skip
_CALLS = ("tool_calls", "function_call", "tool_use", "tool_call")
_WHOLE = (
    dict.fromkeys(_STOP, "stop")
    | dict.fromkeys(_LENGTH, "length")
    | dict.fromkeys(_CALLS, "tool_calls")
)
_FILTERS = ("content_filter", "safety", "recitation", "prohibited_content", "blocklist", "spii",
            "blocked", "sensitive", "guardrail_intervened")  # fmt: skip
_ABORTS = ("abort", "aborted", "cancel", "cancelled", "canceled", "interrupted", "preempted",
           "timeout", "load", "unload", "userstopped", "disconnected",
           "insufficient_system_resource")  # fmt: skip
_ERRORS = ("error", "failed", "failure", "fault", "malformed_function_call", "network_error")
_FAILURES = (
    dict.fromkeys(_FILTERS, ChatFailure.CONTENT_FILTER)
    | dict.fromkeys(_ABORTS, ChatFailure.ABORTED)
    | dict.fromkeys(_ERRORS, ChatFailure.SERVER_ERROR)
)


def whole_reason(reason: str | None) -> str | None:
    """Return `stop`, `length` or `tool_calls` where `reason` means one of them, else None."""
    return _WHOLE.get(reason.strip().lower()) if reason else None


def failure_of_finish(reason: str | None) -> ChatFailure | None:
    """Return the class of failure for `reason`; None for a complete answer.

    An unknown reason is a failure, too: the answer may be incomplete.
    """
    if whole_reason(reason) is not None:
        return None
    return _FAILURES.get((reason or "").strip().lower(), ChatFailure.UNFINISHED)
