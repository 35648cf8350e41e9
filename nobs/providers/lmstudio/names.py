"""LM Studio's names of a model: a key, as in `openai/gpt-oss-20b`, with or without its owner."""

from collections.abc import Sequence

from nobs.providers.base import Entry, UnknownModel


def choose(wanted: str | None, models: Sequence[Entry]) -> str:
    """Find the model in the server's list of loaded and downloaded ones."""
    return match(wanted, [str(entry["id"]) for entry in models])


def match(wanted: str | None, names: Sequence[str]) -> str:
    """Return the one name that is `wanted`, whole or without its owner; UnknownModel else."""
    found = candidates(wanted, names)
    if len(found) != 1:
        raise UnknownModel(wanted, found or names)
    return found[0]


def candidates(wanted: str | None, names: Sequence[str]) -> list[str]:
    """Return the names that `wanted` may mean; None means any LLM."""
    if wanted is None:
        return [name for name in names if not name.startswith("text-embedding-")]
    if wanted in names:
        return [wanted]
    return [name for name in names if _bare(name) == _bare(wanted)]


def _bare(name: str) -> str:
    return name.rpartition("/")[2].lower()
