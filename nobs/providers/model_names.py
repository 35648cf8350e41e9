"""Whether the requested and the answered name mean the same model.

What only adds detail is no difference: an owner, a path, a tag, a quantisation or a date that the
other name leaves out. What contradicts is one: another family, variant or size, another
quantisation where both names have one. Pure, and light to import.
"""

import re
from collections.abc import Iterable
from enum import StrEnum, auto

from nobs.providers.name_parts import NameParts, find_quantizations, split_name
from nobs.schema.server import ModelIdentity

_PLACEHOLDERS = frozenset(
    {"", "unknown", "default", "default_model", "none", "null", "n/a", "local", "local-model",
     "tgi", "llm", "custom", "string"}
)  # fmt: skip
"""Names of servers that don't know their model's name."""
_LLAMA_CPP_PLACEHOLDER = "gpt-3.5-turbo"
_BILLIONS = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([BM])", re.IGNORECASE)
_NUMBER = re.compile(r"\d+(\.\d+)?")
_SIZE_TOLERANCE = 0.35
"""Names round: Llama 3.2 1B has 1.24 billion parameters."""
_PRECISE = re.compile(r"[it]?q\d|b?f(16|32)$")
"""Quantisations that lists and names write alike."""


class NameMatch(StrEnum):
    """What the name in an answer says of the model that was asked for."""

    SAME = auto()
    OTHER = auto()
    UNNAMED = auto()
    """The answer has no name, or a constant one: nothing is confirmed, nothing contradicted."""


def compare_names(
    asked: str, answered: str | None, identity: ModelIdentity | None = None
) -> NameMatch:
    """Compare the two names; `identity` is what the server's own list says of the model asked for.

    The list decides where it knows the name in the answer: an alias is the same model whatever it
    is called, a lookalike is another one however alike the names are.
    """
    asked, answered = asked.strip(), (answered or "").strip()
    aliases = identity.aliases if identity else ()
    if answered in (asked, *aliases):
        return NameMatch.SAME
    if identity and answered in identity.lookalikes:
        return NameMatch.OTHER
    found, is_llama_cpp = split_name(answered), bool(identity and identity.runtime == "llama.cpp")
    is_constant = is_llama_cpp and answered == _LLAMA_CPP_PLACEHOLDER
    if is_constant or _is_letter(found) or any(map(_is_placeholder, (asked, answered))):
        return NameMatch.UNNAMED
    if not any(_fits(split_name(name), found) for name in (asked, *aliases)):
        return NameMatch.OTHER
    if identity and not _fits_description(identity, found):
        return NameMatch.OTHER
    return NameMatch.SAME


def names_same_model(
    asked: str, answered: str | None, identity: ModelIdentity | None = None
) -> bool:
    """Return whether the model asked for may have answered; False only for a real difference."""
    return compare_names(asked, answered, identity) is not NameMatch.OTHER


def find_other_model(identity: ModelIdentity, answered: str | None) -> str | None:
    """Return the model that answers in place of the one asked for, None where that one may have.

    The name in the answer says so, or the server's list, where others are in memory and it isn't.
    """
    model, loaded = identity.id, identity.loaded or ()
    if answered and not names_same_model(model, answered, identity):
        return answered
    if not loaded or any(names_same_model(model, name, identity) for name in loaded):
        return None
    return ", ".join(loaded)


def explain_other_model(asked: str, answered: str) -> tuple[str, str]:
    """Return message and remedy where another model answers."""
    measured = "NAME" if ", " in answered else answered
    return (
        f"The server answers with {answered!r} instead of {asked!r}.",
        f"Load {asked} in the server, or measure the other one: --llm-model {measured}.",
    )


def find_lookalikes(model: str, others: Iterable[str]) -> tuple[str, ...]:
    """Return the names of other models that `compare_names` alone would take for `model`."""
    names = dict.fromkeys(others)
    return tuple(
        name for name in names if name != model and compare_names(model, name) is NameMatch.SAME
    )


def _is_placeholder(name: str) -> bool:
    parts = split_name(name)
    return name.casefold() in _PLACEHOLDERS or not (parts.family or parts.sizes)


def _is_letter(parts: NameParts) -> bool:
    """Return whether it is a stand-in, as in examples and scripts: no model has such a name."""
    return len(parts.family) == 1 and not parts.sizes


def _fits(asked: NameParts, answered: NameParts) -> bool:
    """Return whether nothing in the answered name contradicts the asked one."""
    return (
        asked.family == answered.family
        # A size that was asked for must come back; one that the answer adds is detail.
        and asked.sizes in (answered.sizes, frozenset())
        and _nests(asked.active, answered.active)
        and _nests(asked.formats, answered.formats)
        and _nests(asked.instances, answered.instances)
        and _nests(asked.dates, answered.dates)
        and _are_alike(asked.quantizations, answered.quantizations)
    )


def _nests(one: frozenset[str], other: frozenset[str]) -> bool:
    """Return whether one says the same as the other, or less."""
    return one <= other or other <= one


def _are_alike(one: frozenset[str], other: frozenset[str]) -> bool:
    """Return whether one has the same quantisations as the other, or fewer; `q4k` may be `q4km`."""
    fewer, more = sorted((one, other), key=len)
    return all(
        any(each.startswith(name) or name.startswith(each) for each in more) for name in fewer
    )


def _fits_description(identity: ModelIdentity, answered: NameParts) -> bool:
    """Return whether the answered name has the quantisation and the size that the list gives."""
    listed = _precise(find_quantizations(identity.quantization or ""))
    if not _are_alike(listed, _precise(answered.quantizations)):
        return False
    written = _BILLIONS.match(identity.parameters or "")
    sizes = [float(size) for size in answered.sizes if _NUMBER.fullmatch(size)]
    if written is None or not sizes:
        return True
    billions = float(written[1]) * (1e-3 if written[2] in "mM" else 1)
    return any(abs(billions - size) <= _SIZE_TOLERANCE * max(billions, size) for size in sizes)


def _precise(quantizations: frozenset[str]) -> frozenset[str]:
    return frozenset(filter(_PRECISE.match, quantizations))
