"""The modules of a model directory, their folders and kinds, read from its files."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from nobs.errors import ModelMissing, OtherModel

OWN = "sentence_transformers."
"""Modules of the library itself; all others are code of the model."""
TRANSFORMERS = frozenset({"Transformer", "CLIPModel"})
ROUTERS = frozenset({"Router", "Asym"})
ROUTES = ("router_config.json", "config.json")
"""The file in which a router lists its modules; the second is the older name."""
REQUIRED = {
    "Transformer": "config.json", "CLIPModel": "config.json", "Pooling": "config.json",
    "StaticEmbedding": "tokenizer.json", "WordEmbeddings": "wordembedding_config.json",
    "BoW": "config.json", "Dense": "config.json", "LSTM": "lstm_config.json",
    "CNN": "cnn_config.json", "LayerNorm": "config.json", "WeightedLayerPooling": "config.json",
    "WordWeights": "config.json", "Dropout": "config.json",
}  # fmt: skip
"""The file that each module needs."""
WEIGHTED = frozenset(
    {*TRANSFORMERS, "StaticEmbedding", "WordEmbeddings", "Dense", "LSTM", "CNN", "LayerNorm",
     "WeightedLayerPooling"}
)  # fmt: skip
"""Modules that read weights from their folder."""
WEIGHTLESS = frozenset({"BoW", "Pooling", "Normalize", "Dropout", "WordWeights"})

_SPARSE = "a sparse encoder (such as SPLADE)"
_CROSS = "a cross encoder (a reranker or classifier, which scores texts)"
_MULTI = "a multi-vector encoder (such as ColBERT)"
_MODEL_TYPES = {
    "SparseEncoder": _SPARSE, "CrossEncoder": _CROSS, "MultiVectorEncoder": _MULTI,
    "ColBERT": _MULTI,
}  # fmt: skip
_PACKAGES = {
    f"{OWN}sparse_encoder.": _SPARSE, f"{OWN}cross_encoder.": _CROSS,
    f"{OWN}multi_vector_encoder.": _MULTI, "pylate.": _MULTI,
}  # fmt: skip
_TASKS = {"fill-mask": _SPARSE, "sequence-classification": _CROSS, "retrieval": _MULTI}
"""Tasks of the `Transformer` module in encoders of other kinds."""
_HEADS = {
    "ForSequenceClassification": _CROSS, "HF_ColBERT": _MULTI, "ForRetrieval": _MULTI,
    "ForTokenClassification": "a classifier of tokens",
    "ForQuestionAnswering": "an extractive reader",
    "ForMultipleChoice": "a classifier of choices",
}  # fmt: skip
"""Suffixes of architectures with a task's head, other than heads for pretraining."""
_DENSE = "NOBS measures models that make one dense vector per text"
_ANOTHER = "Name a dense embedding model with --model."


@dataclass(frozen=True, kw_only=True)
class Module:
    """One module of a model, or of a router in it."""

    reference: str
    """Its class, as in `sentence_transformers.models.Pooling`."""
    folder: str
    """Its folder in the model's directory; empty at the top."""

    @property
    def name(self) -> str:
        """The name of its class."""
        return self.reference.rpartition(".")[2]

    @property
    def is_own(self) -> bool:
        """Whether its code is part of sentence-transformers."""
        return self.reference.startswith(OWN)


@dataclass(frozen=True, kw_only=True)
class Layout:
    """The modules of a directory."""

    listed: tuple[Module, ...]
    """As in modules.json."""
    modules: tuple[Module, ...]
    """With the modules of a router instead of the router."""
    is_guessed: bool = False
    """There is no modules.json: sentence-transformers chooses a pooling itself."""


def read_layout(directory: Path) -> Layout:
    """Return what modules.json lists, else a lone transformer; ValueError if it can't be read."""
    file = directory / "modules.json"
    if not file.is_file():
        alone = Module(reference=f"{OWN}models.Transformer", folder="")
        return Layout(listed=(alone,), modules=(alone,), is_guessed=True)
    listed = tuple(_module(entry["type"], entry["path"]) for entry in _read(file, list))
    if not listed:
        raise ValueError("it is empty")
    whole = tuple(m for module in listed for m in _expand(directory, module))
    return Layout(listed=listed, modules=whole)


def refuse_other_kinds(directory: Path, name: str, remedy: str) -> None:
    """Raise OtherModel unless the model makes one vector per text.

    sentence-transformers would load other kinds too, without their heads.
    """
    layout = layout_of(directory, name, remedy)
    kind = _find_kind(directory, layout)
    if kind:
        raise OtherModel(f"{name} is {kind}; {_DENSE}.", _ANOTHER)
    for module in layout.modules:
        if module.name in TRANSFORMERS:
            _refuse_adapter(directory / module.folder, name)
    if all(module.is_own and module.name in WEIGHTLESS for module in layout.modules):
        names = ", ".join(module.name for module in layout.modules)
        raise OtherModel(f"{name} has no weights: its modules are {names}.", _ANOTHER)


def layout_of(directory: Path, name: str, remedy: str) -> Layout:
    """Return the modules; ModelMissing if their list can't be read."""
    try:
        return read_layout(directory)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelMissing(
            f"The list of modules of {name} in {directory} can't be read: "
            f"{type(error).__name__}: {error}.",
            remedy,
        ) from error


def read_architecture(directory: Path) -> str | None:
    """Return the first architecture that config.json names."""
    named = _peek(directory / "config.json").get("architectures")
    return str(named[0]) if isinstance(named, list) and named else None


def _expand(directory: Path, module: Module) -> Iterator[Module]:
    """Yield the module, or the router's modules in its place."""
    if not (module.is_own and module.name in ROUTERS):
        yield module
        return
    files = [directory / module.folder / name for name in ROUTES]
    routes = _read(next((file for file in files if file.is_file()), files[0]), dict)
    for key, reference in routes["types"].items():
        yield _module(reference, PurePosixPath(module.folder, key).as_posix())


def _module(reference: object, path: object) -> Module:
    if not isinstance(reference, str) or not isinstance(path, str):
        raise TypeError(f"a module is {reference!r} in {path!r}")
    folder = PurePosixPath(path)
    if folder.is_absolute() or ".." in folder.parts:
        raise ValueError(f"{path!r} lies outside the model")
    return Module(reference=reference, folder="" if path in ("", ".") else folder.as_posix())


def _find_kind(directory: Path, layout: Layout) -> str | None:
    """Return which other kind the model is, None if it is none of these."""
    settings = _peek(directory / "config_sentence_transformers.json")
    if kind := _MODEL_TYPES.get(str(settings.get("model_type"))):
        return kind
    if layout.is_guessed:
        return _kind_of_head(directory)
    for module in layout.modules:
        if kind := _kind_of_module(directory, module):
            return kind
    return None


def _kind_of_head(directory: Path) -> str | None:
    architecture = read_architecture(directory)
    kinds = (kind for end, kind in _HEADS.items() if (architecture or "").endswith(end))
    kind = next(kinds, None)
    if kind is None and _peek(directory / "config.json").get("model_type") == "model2vec":
        return "a folder of model2vec without modules.json, which sentence-transformers can't load"
    return f"{kind}, {architecture}" if kind else None


def _kind_of_module(directory: Path, module: Module) -> str | None:
    if module.is_own and module.name in TRANSFORMERS:
        settings = _peek(directory / module.folder / "sentence_bert_config.json")
        return _TASKS.get(str(settings.get("transformer_task")))
    kinds = (kind for package, kind in _PACKAGES.items() if module.reference.startswith(package))
    return next(kinds, None)


def _refuse_adapter(folder: Path, name: str) -> None:
    adapter = _peek(folder / "adapter_config.json")
    if (folder / "adapter_config.json").is_file():
        base = adapter.get("base_model_name_or_path", "an unnamed model")
        raise OtherModel(
            f"{name} is a PEFT adapter ({adapter.get('peft_type', 'unknown type')}) of {base}: "
            "it has only a part of the weights.",
            "Merge it into its base (`merge_and_unload()` of the package peft), save the whole "
            "model, and name that directory.",
        )


def _read(file: Path, kind: type[Any]) -> Any:  # noqa: ANN401 - whatever the file holds
    found = json.loads(file.read_bytes())
    if not isinstance(found, kind):
        raise TypeError(f"{file.name} isn't a {kind.__name__}")
    return found


def _peek(file: Path) -> dict[str, Any]:
    """Return a settings file, empty if it is missing or can't be read."""
    try:
        found: dict[str, Any] = _read(file, dict)
    except (OSError, ValueError, TypeError):
        return {}
    return found
