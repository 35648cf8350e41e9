"""Flags of a served model: where it runs, and the quality of its streams."""

from collections.abc import Iterator

from nobs.schema.flags import Flag, FlagName
from nobs.schema.server import Locality, ServerRef
from nobs.tasks.chat.aggregate import MAX_FAILED_SHARE
from nobs.tasks.chat.report import ChatModelReport
from nobs.units import format_share


def flags_of(model: ChatModelReport) -> Iterator[Flag]:
    """Yield the flags of server and streams."""
    if model.server is not None:
        yield from _server_flags(model.server)
        yield from _stream_flags(model)


def _server_flags(server: ServerRef) -> Iterator[Flag]:
    reason = server.locality_reason
    if server.locality is Locality.REMOTE:
        where = reason or "The server is another machine."
        yield Flag.warning(FlagName.REMOTE_SERVER, f"The figures aren't this host's. {where}")
    if server.locality is Locality.UNKNOWN and reason:
        yield Flag.warning(FlagName.UNKNOWN_SERVER, f"The figures may not be this host's. {reason}")
    offload = server.identity.gpu_offload if server.identity else None
    if offload is not None and offload < 1:
        yield Flag.warning(
            FlagName.PARTIAL_OFFLOAD,
            f"Only {format_share(offload)} of the model's layers were on the GPU.",
        )


def _stream_flags(model: ChatModelReport) -> Iterator[Flag]:
    """Yield that too many answers arrived in bursts or have contradictory token counts."""
    answers = sum(model.token_count_sources.values())
    if model.coalesced > MAX_FAILED_SHARE * answers:
        yield Flag.warning(
            FlagName.COALESCED_STREAM,
            f"{model.coalesced} of {answers} answers arrived in bursts: no inter-token latency.",
        )
    if model.unreconciled > MAX_FAILED_SHARE * answers:
        yield Flag.warning(
            FlagName.UNRECONCILED_TOKENS,
            f"The token counts of {model.unreconciled} of {answers} answers contradict their"
            " streams: no tokens/s.",
        )
