"""Flags of a served model: where it runs, and the quality of its streams."""

from collections.abc import Iterator

from nobs.schema.flags import Flag, FlagName
from nobs.tasks.chat.aggregate import MAX_FAILED_SHARE
from nobs.tasks.chat.load_checks import client_limit
from nobs.tasks.chat.report import ChatModelReport
from nobs.tasks.chat.server import place_flags
from nobs.tasks.chat.server_checks import server_flags


def flags_of(model: ChatModelReport) -> Iterator[Flag]:
    """Yield the flags of server and streams."""
    if model.server is not None:
        yield from place_flags(model.server)
        yield from _share_flags(model)
        yield from _stream_flags(model)
        yield from _load_flags(model)
        yield from server_flags(model)


def _share_flags(model: ChatModelReport) -> Iterator[Flag]:
    """Yield that the figures are those of one of several clients."""
    if model.load and model.load.share:
        share = model.load.share.share
        yield Flag.warning(
            FlagName.LOAD_SHARE,
            f"This is share {share} of a load: its figures aren't the server's. Merge the reports"
            f" of all {share.count} clients with `nobs collect`.",
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


def _load_flags(model: ChatModelReport) -> Iterator[Flag]:
    """Yield that the client was too slow for a load level."""
    levels = model.load.levels if model.load else ()
    limited = [(level, how) for level in levels if (how := client_limit(level)) is not None]
    if limited:
        level, how = limited[0]
        rate, count = level.rate_per_s, level.concurrency
        named = f"{rate:g} requests/s" if rate else f"{count} concurrent requests"
        more = f", and at {len(limited) - 1} more load levels" if len(limited) > 1 else ""
        yield Flag.warning(
            FlagName.CLIENT_LIMIT,
            f"The client, not the server, may have been the limit at {named}{more}: {how}.",
        )
