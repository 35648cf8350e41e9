"""LM Studio's names of a model.

A key, as in `openai/gpt-oss-20b`, with or without its owner; `KEY@QUANT` is one quantisation of
it, a key of its own or a variant of `KEY`; `KEY:2` is the second loaded instance.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nobs.providers.base import Entry, UnknownModel
from nobs.providers.fields import table_of, text_of, texts_of

_INSTANCE = re.compile(r":\d+$")


@dataclass(frozen=True, kw_only=True)
class Listed:
    """A downloaded model as LM Studio lists it."""

    key: str
    variants: tuple[str, ...] = ()
    """Its quantisations, where the key stands for several: `qwen/qwen3-4b@q8_0`."""
    selected: str | None = None
    """The variant that loads under the key; None where the list doesn't say."""
    path: str = ""
    """Of its file, from the repository that it was fetched from: `OWNER/NAME-GGUF/NAME.gguf`."""

    @classmethod
    def of(cls, key: str, entry: Mapping[str, Any]) -> "Listed":
        """Read an entry of `lms ls` or of the server's own list."""
        variants = tuple(texts_of(entry.get("variants")))
        selected = text_of(entry.get("selectedVariant")) or text_of(entry.get("selected_variant"))
        name = text_of(table_of(entry.get("quantization")).get("name"))
        if selected is None and name and "@" not in key:
            selected = f"{key}@{name.lower()}"
        return cls(
            key=key,
            variants=variants or tuple(filter(None, [selected])),
            selected=selected,
            path=text_of(entry.get("path")) or "",
        )


@dataclass(frozen=True, kw_only=True)
class NamedModel:
    """What a name means: a model on disk and, where the name says it, which quantisation."""

    model: Listed
    variant: str | None = None

    @property
    def name(self) -> str:
        """For people."""
        return self.variant or self.model.key

    @property
    def loads_by_key(self) -> bool:
        """Whether the model's key loads what is meant; LM Studio knows no names of the others."""
        return self.variant in (None, self.model.selected)


def choose(wanted: str | None, models: Sequence[Entry]) -> str:
    """Find the model in the server's list of loaded and downloaded ones."""
    names = [str(entry["id"]) for entry in models]
    found = find_targets(wanted, [Listed(key=name) for name in names])
    if len(found) != 1:
        several = [target.name for target in found]
        raise UnknownModel(wanted, several or names, is_ambiguous=bool(several))
    return found[0].name


def find_targets(wanted: str | None, models: Sequence[Listed]) -> list[NamedModel]:
    """Return what `wanted` may mean; None means any LLM.

    A whole key is meant before a key without its owner, that before a key's quantisation, and that
    before the repository that its file is from.
    """
    if wanted is None:
        names = (model for model in models if not model.key.startswith("text-embedding-"))
        return [NamedModel(model=model) for model in names]
    if exact := [NamedModel(model=model) for model in models if model.key == wanted]:
        return exact
    own = bare(wanted)
    if alike := [NamedModel(model=model) for model in models if bare(model.key) == own]:
        return alike
    if "@" not in own:
        keys = (model for model in models if not names_instance(model.key))
        tagged = [model for model in keys if bare(model.key).partition("@")[0] == own]
        return [NamedModel(model=model) for model in tagged or _from_repository(wanted, models)]
    variants = [(model, variant) for model in models for variant in model.variants]
    exact = [NamedModel(model=model, variant=name) for model, name in variants if name == wanted]
    return exact or [NamedModel(model=m, variant=name) for m, name in variants if bare(name) == own]


def names_instance(wanted: str) -> bool:
    """Return whether the name numbers a loaded instance; nothing on disk has such a name."""
    return _INSTANCE.search(wanted) is not None


def _from_repository(name: str, models: Sequence[Listed]) -> list[Listed]:
    """Return the models whose file is `name`, or lies in the repository of that name."""
    folder = f"{name.lower().rstrip('/')}/"
    return [each for each in models if each.path and f"{each.path.lower()}/".startswith(folder)]


def bare(name: str) -> str:
    """Return a name without its owner, in lower case."""
    return name.rpartition("/")[2].lower()
