"""Which part of a request an error refuses, in the words that servers were seen to use."""

from typing import Any

import pytest

from nobs.providers.refusals import Part, find_refused

SYSTEM = {Part.SYSTEM_ROLE}
SAID: list[tuple[Any, set[Part]]] = [
    ("System role not supported", SYSTEM),
    ("Conversation roles must alternate user/assistant/user/assistant/...", SYSTEM),
    ("After the optional system message, conversation roles must alternate", SYSTEM),
    ("Only user and assistant roles are supported!", SYSTEM),
    ("roles must alternate", SYSTEM),
    ("system messages are not supported by this model", SYSTEM),
    ("This model does not support system instructions.", SYSTEM),
    ("Developer instruction is not enabled for models/gemma-3-27b-it", SYSTEM),
    ("Unexpected role 'system' after role 'None'", SYSTEM),
    ("messages: Unexpected role \"system\". The API accepts a top-level `system`", SYSTEM),
    ("Error rendering prompt with jinja template: \"Unknown test: sequence\".", SYSTEM),
    ("Jinja Exception: Conversation roles must alternate", SYSTEM),
    ({"error": {"code": 500, "message": "Failed to apply chat template", "type": "x"}}, SYSTEM),
    ({"message": "'system' is not one of ['user', 'assistant'] - 'messages.0.role'"}, SYSTEM),
    ({"detail": [{"loc": ["body", "messages", 0, "role"], "msg": "Input should be 'user'"}]},
     SYSTEM),
    ({"error": {"message": "Invalid value: 'system'.", "param": "messages[0].role"}}, SYSTEM),
    ({"error": {"message": "Unknown parameter", "param": "stream_options.include_usage"}},
     {Part.STREAM_OPTIONS}),
    ({"error_code": "BAD_REQUEST", "message": "{\"message\":\"stream_options: Extra inputs\"}"},
     {Part.STREAM_OPTIONS}),
    ({"stream_options": ["Unrecognized key."]}, {Part.STREAM_OPTIONS}),
    ("litellm.UnsupportedParamsError: does not support parameters: ['temperature']",
     {Part.TEMPERATURE}),
    ("`temperature` must be strictly positive", {Part.TEMPERATURE}),
    ("Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens'.", {Part.LIMIT}),
    ({"detail": [{"loc": ["body", "max_tokens"]}, {"loc": ["body", "temperature"]}]},
     {Part.LIMIT, Part.TEMPERATURE}),
    ("unknown field `stream_options`, expected one of `model`, `temperature`, `max_tokens`",
     {Part.STREAM_OPTIONS}),
    ({"detail": [{"loc": ["body", "user"], "input": {"temperature": 0, "max_tokens": 4}}]}, set()),
    ("stream is not supported", {Part.STREAM}),
    ({"error": {"message": "Unsupported value", "param": "stream"}}, {Part.STREAM}),
    ("Unrecognized request argument supplied: stream_options", {Part.STREAM_OPTIONS}),
    ("model requires more system memory (5.6 GiB) than is available (4.2 GiB)", set()),
    ({"type": "system", "message": "boom"}, set()),
    ("", set()),
    (None, set()),
]  # fmt: skip


@pytest.mark.parametrize(("body", "parts"), SAID, ids=[str(body)[:40] for body, _ in SAID])
def test_the_part_is_found(body: Any, parts: set[Part]) -> None:
    assert find_refused(body) == parts
