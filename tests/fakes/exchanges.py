"""Events of a stream, and the figures or the failure of an exchange of them."""

from nobs.tasks.chat.client.exchange import Exchange
from nobs.tasks.chat.client.figures import record_of
from nobs.tasks.chat.client.record import (
    ChatFailure,
    Figures,
)
from tests.fakes.llm_streams import delta, event, exchange

DONE = event("[DONE]")


def figures_of(*reads: tuple[float, bytes]) -> Figures:
    record = record_of(exchange(*reads))
    assert record.figures is not None, record.error
    return record.figures


def failure_of(given: Exchange) -> ChatFailure | None:
    record = record_of(given)
    assert record.figures is None
    assert record.error
    return record.failure


TOKEN = event(delta(content="a"))
FINISH = event(delta(finish="stop"))


def ended(reason: str) -> bytes:
    """The last chunk and the end mark, as of an engine that gives up politely."""
    return event(delta(finish=reason)) + DONE
