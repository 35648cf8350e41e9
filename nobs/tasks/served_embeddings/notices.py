"""Warnings, flags and reasons of a served model of embeddings."""

from collections.abc import Iterator, Mapping

from nobs.schema.flags import Flag, FlagName
from nobs.tasks.chat.client_cost import MAX_CPU_SHARE
from nobs.tasks.chat.server import locality_warnings, place_flags
from nobs.tasks.served_embeddings.aggregate import name_of
from nobs.tasks.served_embeddings.check import find_suspicions
from nobs.tasks.served_embeddings.report import Base64Answer, ServedEmbeddingsReport, VectorCheck
from nobs.text import join_words
from nobs.units import format_share

NO_USAGE = "No tokens/s: the server doesn't report usable token counts (usage.prompt_tokens)."
NO_INDEX = "{0} answers have no index: their vectors were taken in the order of the texts."
REORDERED = "The vectors of {0} answers came in another order than the texts, with right indexes."
UNKNOWN = "Vectors not compared with stored ones: there are none of this model for these texts."
OTHER = (
    "Vectors not compared with stored ones of this model: there are none. They aren't those of {0}."
)
TRUNCATED = (
    "The server seems to truncate texts at {0} tokens: {1} texts that were sent alone have as many."
)
IGNORES = "The server ignores encoding_format: base64."


def warnings_of(model: ServedEmbeddingsReport) -> Iterator[str]:
    """Yield all warnings about these figures."""
    if model.server is not None:
        yield from locality_warnings(model.server)
    for why, names in _by_reason(model.skipped):
        yield f"{names} at once: {why.rstrip('.')}."
    measured = [cell for cell in model.cells if cell.rows_per_second is not None]
    if measured and all(cell.tokens_per_second is None for cell in measured):
        yield NO_USAGE
    if model.check is not None:
        yield from _of_check(model.check)


def _by_reason(skipped: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield each reason with the cells that were left out for it."""
    for why in dict.fromkeys(skipped.values()):
        yield why, join_words([name for name, each in skipped.items() if each == why])


def _of_check(check: VectorCheck) -> Iterator[str]:
    for count, text in ((check.without_index, NO_INDEX), (check.reordered, REORDERED)):
        if count:
            yield text.format(count)
    stored = check.stored
    if stored is None or stored.rows == 0:
        yield UNKNOWN
    elif not stored.expected and (stored.lowest_cosine or 0.0) < stored.threshold:
        yield OTHER.format(stored.model)
    if check.truncated_at is not None:
        yield TRUNCATED.format(check.truncated_at, check.truncated)
    if check.base64 is Base64Answer.IGNORED:
        yield IGNORES


def flags_of(model: ServedEmbeddingsReport) -> Iterator[Flag]:
    """Yield where the server is, and that its output is suspect."""
    if model.server is not None:
        yield from place_flags(model.server)
    reasons = list(find_suspicions(model.check)) if model.check else []
    if reasons:
        yield Flag.warning(FlagName.OUTPUT_SUSPECT, f"The output is suspect: {reasons[0]}.")
    limited = [cell for cell in model.cells if (cell.client_cpu_share or 0) > MAX_CPU_SHARE]
    if limited:
        names = ", ".join(f"{cell.inputs} x {cell.concurrency} at once" for cell in limited)
        yield Flag.warning(
            FlagName.CLIENT_LIMIT,
            f"The client used more than {format_share(MAX_CPU_SHARE, 0)} of a core and may have"
            f" been the limit, not the server: {names}.",
        )


def open_reasons_of(model: ServedEmbeddingsReport) -> Iterator[str]:
    """Yield cells that are missing, and why the vectors are suspect or truncated."""
    skipped = {name_of(cell): cell.skipped for cell in model.cells if cell.skipped}
    for why, names in _by_reason(skipped):
        yield f"cells: {names} not measured: {why}"
    if model.check is None:
        return
    yield from (f"vectors: {reason}" for reason in find_suspicions(model.check))
    if model.check.truncated_at is not None:
        yield f"vectors: texts truncated at {model.check.truncated_at} tokens"
