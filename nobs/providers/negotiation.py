"""Finds the request shape with the most parts that a server accepts."""

from collections.abc import Callable

from nobs.providers.causes import Cause
from nobs.providers.diagnosis import ServerUnusable
from nobs.providers.refusals import Part
from nobs.schema.server import RequestShape

type Ask = Callable[[RequestShape], None]
"""Sends a request of that shape; ServerUnusable where no answer comes."""

FULL = RequestShape()


def negotiate(ask: Ask) -> RequestShape:
    """Return the shape of the requests that are answered; ServerUnusable where none is.

    What a refusal names is left out. Where it names nothing that is still there, all is left out.
    What wasn't the reason comes back; every step is one short request.
    """
    shape, refusal = _leave_out_named(ask, FULL)
    if refusal is not None and refusal.finding.may_be_a_part:
        shape = _leave_out_all(ask, refusal)
    elif refusal is not None:
        raise refusal
    return _restore(ask, shape) if len(shape.deviations) > 1 else shape


def _leave_out_named(ask: Ask, shape: RequestShape) -> tuple[RequestShape, ServerUnusable | None]:
    """Return the shape that was answered, or the last one with the refusal that can't be met."""
    while True:
        refusal = _refusal_of(ask, shape)
        if refusal is None:
            return shape, None
        fewer = shape
        for part in refusal.finding.refused:
            fewer = _without(fewer, part)
        if fewer == shape:
            return shape, refusal
        shape = fewer


def _leave_out_all(ask: Ask, refusal: ServerUnusable) -> RequestShape:
    """Return a shape with as little as can be that is answered; raise `refusal` where none is."""
    bare = RequestShape(nonce_role="user", temperature=False, stream_options=False)
    for shape in (bare, _without(bare, Part.LIMIT)):
        found, still = _leave_out_named(ask, shape)
        if still is None:
            return found
    raise refusal


def _restore(ask: Ask, shape: RequestShape) -> RequestShape:
    """Give back one by one what was left out, as far as that is answered."""
    updates: list[dict[str, str | bool]] = [
        {"temperature": True}, {"nonce_role": "system"}, {"stream_options": True},
        {"limit_field": "max_tokens"},
    ]  # fmt: skip
    if shape.limit_field is None:
        updates.insert(0, {"limit_field": "max_completion_tokens"})
    for update in updates:
        fuller = shape.model_copy(update=update)
        if fuller != shape and _refusal_of(ask, fuller) is None:
            shape = fuller
    return shape


def _without(shape: RequestShape, part: Part) -> RequestShape:
    """Return `shape` without `part`; of the two limits the older name goes first."""
    match part:
        case Part.SYSTEM_ROLE:
            return shape.model_copy(update={"nonce_role": "user"})
        case Part.STREAM_OPTIONS:
            return shape.model_copy(update={"stream_options": False})
        case Part.TEMPERATURE:
            return shape.model_copy(update={"temperature": False})
        case Part.LIMIT:
            is_first = shape.limit_field == "max_tokens"
            limit = "max_completion_tokens" if is_first else None
            return shape.model_copy(update={"limit_field": limit})
        case Part.STREAM:
            return shape


def _refusal_of(ask: Ask, shape: RequestShape) -> ServerUnusable | None:
    """Return why the server answers no request of that shape, None if it does."""
    try:
        ask(shape)
    except ServerUnusable as error:
        if error.cause not in (Cause.PART, Cause.REFUSED):
            raise
        return error
    return None
