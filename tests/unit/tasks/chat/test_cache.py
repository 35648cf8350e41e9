from pathlib import Path
from typing import Any

import pytest

from nobs.tasks.chat.cache import is_cached
from nobs.tasks.chat.report import LlmRequest
from nobs.tasks.llms.definition import DEFINITION
from tests.fakes.llm_results import report_of, whole
from tests.fakes.llm_work import work


def request(cached: int, said: str, prompt: int = 1000) -> LlmRequest:
    """Return a request whose prompt of 1,000 tokens was cached in part, as `said`."""
    how: dict[str, Any] = {
        "usage": {"cached_tokens": cached, "input_tokens": prompt},
        "timings": {
            "input_tokens": None,
            "server_timings": {"cache_n": cached, "prompt_n": prompt - cached},
        },
        "both": {"cached_tokens": 0, "input_tokens": prompt,
                 "server_timings": {"cache_n": cached, "prompt_n": prompt - cached}},
    }  # fmt: skip
    return LlmRequest.model_validate(whole(1, 2.0, 1.0, 9, **how[said]))


@pytest.mark.parametrize("said", ["usage", "timings", "both"])
@pytest.mark.parametrize(("cached", "template", "expected"), [
    (0, 24, False),
    (24, 24, False),
    (74, 24, False),
    (75, 24, True),
    (1000, 24, True),
    (500, None, False),
    (501, None, True),
])  # fmt: skip
def test_more_than_the_template_and_5_percent_is_a_cached_prompt(
    cached: int, template: int | None, expected: bool, said: str
) -> None:
    assert is_cached(request(cached, said), template) is expected


def test_a_cached_prompt_makes_the_result_open_and_names_the_tokens() -> None:
    runs = [[whole(1, 2.0, 1.0, 9, input_tokens=100, cached_tokens=60)],
            [whole(1, 2.0, 1.0, 9, input_tokens=100, cached_tokens=20)]]  # fmt: skip
    report = report_of(runs, template_tokens=24)
    workload = work("http://x/v1", Path()).workload

    said = (
        "cache: 1 of 2 prompts were in the server's prompt cache, up to 60 tokens"
        " (allowed: the template's 24 and 5 %)"
    )
    assert list(DEFINITION.find_open_reasons(report, workload)) == [said]
    assert any("prompt cache" in warning for warning in report.warnings)


def test_cached_tokens_are_no_input_that_was_read() -> None:
    assert request(400, "both").prefill_tokens_per_sec == 600
