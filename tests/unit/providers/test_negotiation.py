"""What is left out of requests: whatever a server refuses, and nothing else."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nobs.providers import PROVIDERS
from nobs.providers.causes import Cause
from nobs.providers.diagnosis import ServerUnusable
from nobs.providers.readiness import ONCE, wait_until_ready
from nobs.providers.refusals import Part
from nobs.schema.server import Connection, RequestShape
from tests.fakes.llm_answers import MODEL
from tests.fakes.llm_refusals import NAMING, SILENT, Style, of_openai, refusing, without_a_word
from tests.fakes.llm_routes import NOT_FOUND, models, one_model, reply, routes
from tests.fakes.llm_server import Answered, Choose, Script, serving

OPENAI = PROVIDERS.load("openai")
PARTS = (Part.SYSTEM_ROLE, Part.STREAM_OPTIONS, Part.TEMPERATURE, Part.LIMIT)
SUBSETS = [
    pytest.param(frozenset(parts), marks=[pytest.mark.long] if size in (2, 3) else [])
    for size in range(len(PARTS) + 1)
    for parts in combinations(PARTS, size)
]
MOST_REQUESTS = 12


def shape_without(parts: frozenset[Part]) -> RequestShape:
    return RequestShape(
        nonce_role="user" if Part.SYSTEM_ROLE in parts else "system",
        limit_field="max_completion_tokens" if Part.LIMIT in parts else "max_tokens",
        temperature=Part.TEMPERATURE not in parts,
        stream_options=Part.STREAM_OPTIONS not in parts,
    )


def negotiated(choose: Choose) -> tuple[RequestShape, list[Answered]]:
    """Return what was found, and the chats that it took."""
    with serving(choose) as server:
        connection = Connection(base_url=server.url)
        found = wait_until_ready(connection, MODEL, OPENAI, pytest.fail, ONCE)
        chats = [asked for asked in server.log if asked.path.endswith("completions")]
    return found.request, chats


@pytest.mark.parametrize("style", [*NAMING, *SILENT], ids=lambda style: str(style.__name__))
@pytest.mark.parametrize("parts", SUBSETS, ids=lambda parts: "+".join(sorted(parts)) or "nothing")
def test_exactly_what_is_refused_is_left_out(parts: frozenset[Part], style: Style) -> None:
    shape, chats = negotiated(refusing(parts, style))

    assert shape == shape_without(parts)
    assert len(chats) <= MOST_REQUESTS


@given(
    styles=st.dictionaries(st.sampled_from(PARTS), st.sampled_from([*NAMING, *SILENT]), min_size=2)
)
def test_each_part_may_be_refused_in_its_own_way(styles: dict[Part, Style]) -> None:
    """A template behind a gateway behind a proxy: three programs answer."""
    shape, _ = negotiated(refusing(frozenset(styles), lambda part: styles[part](part)))

    assert shape == shape_without(frozenset(styles))


def test_one_refusal_costs_one_request() -> None:
    _, chats = negotiated(refusing(frozenset({Part.TEMPERATURE}), of_openai))

    assert [chat.values.get("temperature") for chat in chats] == [0.0, None]


def test_the_check_is_a_timed_request_of_few_tokens() -> None:
    _, chats = negotiated(refusing(frozenset(), of_openai))
    (chat,) = chats

    assert [message["role"] for message in chat.values["messages"]] == ["system", "user"]
    assert chat.values | {"messages": []} == {
        "model": MODEL, "messages": [], "max_tokens": 16, "temperature": 0.0, "stream": True,
        "stream_options": {"include_usage": True},
    }  # fmt: skip


def test_a_server_that_takes_neither_limit_is_asked_without() -> None:
    def choose(asked: Answered) -> Script:
        is_chat = asked.path.endswith("completions")
        for name in ("max_tokens", "max_completion_tokens") if is_chat else ():
            if name in asked.values:
                return reply({"error": {"message": f"Unknown parameter: {name}"}}, "400 Bad")
        return refusing(frozenset(), of_openai)(asked)

    assert negotiated(choose)[0] == RequestShape(limit_field=None)


@pytest.mark.parametrize("style", [of_openai, without_a_word], ids=lambda style: style.__name__)
def test_what_is_always_refused_ends_with_the_servers_words(style: Style) -> None:
    said = style(Part.TEMPERATURE)
    with serving(routes({"/v1/models": models(MODEL), "/v1/chat/completions": said})) as server:
        with pytest.raises(ServerUnusable) as caught:
            wait_until_ready(Connection(base_url=server.url), MODEL, OPENAI, pytest.fail, ONCE)
        assert len(server.log) <= MOST_REQUESTS

    assert caught.value.cause in (Cause.PART, Cause.REFUSED)
    assert "400" in caught.value.message
    assert "ask for" not in caught.value.remedy.lower()


def test_a_broken_template_is_named() -> None:
    words = "Error rendering prompt with jinja template: Cannot call something that is undefined."
    said = reply({"error": words}, "400 Bad Request")
    with (
        serving(routes({"/v1/models": models(MODEL), "/v1/chat/completions": said})) as server,
        pytest.raises(ServerUnusable) as caught,
    ):
        wait_until_ready(Connection(base_url=server.url), MODEL, OPENAI, pytest.fail, ONCE)

    assert "chat template" in caught.value.remedy
    assert ".." not in str(caught.value)


@pytest.mark.parametrize(
    "words",
    [
        "max_tokens or model output limit was reached. Please try again with higher max_tokens.",
        "`max_tokens` must be greater than `thinking.budget_tokens`",
        "Invalid 'max_tokens': integer below minimum value. Expected a value >= 1024",
    ],
)
def test_a_limit_that_is_too_low_for_reasoning_is_no_refused_limit(words: str) -> None:
    def choose(asked: Answered) -> Script:
        if not asked.body or asked.values.get("max_tokens", 0) > 1024:
            return refusing(frozenset({Part.TEMPERATURE}), of_openai)(asked)
        return reply({"error": {"message": words, "param": "max_tokens"}}, "400 Bad Request")

    assert negotiated(choose)[0] == RequestShape(temperature=False)


def test_a_server_without_a_list_of_models_is_asked_for_the_named_one() -> None:
    usual = one_model(MODEL, {"/v1/models": NOT_FOUND})
    shape, chats = negotiated(usual)

    assert shape == RequestShape()
    assert [chat.values["model"] for chat in chats] == [MODEL]
