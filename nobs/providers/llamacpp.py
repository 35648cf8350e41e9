"""llama.cpp: embedded in a child process for one run, or a server that runs already."""

from collections.abc import Mapping
from dataclasses import replace
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from nobs.data.checks import digest_file
from nobs.errors import RequirementError, UsageError
from nobs.providers.client import Server
from nobs.providers.embedded import EmbeddedModels, Settings
from nobs.providers.fields import count_of, flag_of, table_of, text_of
from nobs.providers.name_parts import without_folders
from nobs.providers.openai import listing_of
from nobs.providers.weights import (
    MODEL,
    find_projector,
    find_weights,
    own_file,
    packaged_pin,
    packaged_pins,
    packaged_projector,
)
from nobs.schema.server import ModelIdentity, ServerRequest
from nobs.system.host import usable_physical_cores

CONTEXT_LENGTH = 4096
_RUNTIME = "xllamacpp"


def ask(server: Server, model: str) -> ModelIdentity:
    """Return what `/props` and the model list say."""
    props = server.native("/props")
    listed, entry = listing_of(server, model)
    meta = table_of(entry.get("meta"))
    named = filter(None, (text_of(props.get(name)) for name in ("model_alias", "model_path")))
    names = (*listed.aliases, *map(without_folders, named))
    settings = table_of(props.get("default_generation_settings"))
    return ModelIdentity(
        id=model,
        aliases=tuple(name for name in dict.fromkeys(names) if name != model),
        lookalikes=listed.lookalikes,
        owner=listed.owner,
        format="gguf" if props else None,
        quantization=text_of(props.get("model_ftype")) or text_of(meta.get("ftype")),
        parameters=_format_count(meta.get("n_params")),
        size_bytes=count_of(meta.get("size")),
        context_length=count_of(settings.get("n_ctx")),
        parallel=count_of(props.get("total_slots")),
        runtime="llama.cpp" if props else None,
        runtime_version=text_of(props.get("build_info")),
        vision=flag_of(table_of(props.get("modalities")).get("vision")),
    )


def _settings(request: ServerRequest) -> Settings:
    if find_spec(_RUNTIME) is None:
        raise RequirementError(
            f"The embedded llama.cpp needs the package {_RUNTIME}.",
            'Install it: `pip install "nobs[quick]"`.',
        )
    if (file := own_file(request.model)) is not None:
        return _settings_of(request, file, file.stem)
    names = tuple(pin.id for pin in packaged_pins())
    if request.model not in (None, *names):
        raise UsageError(
            f"The embedded llama.cpp serves {' and '.join(names)}, not {request.model!r}.",
            "Leave out --llm-model, or name a server: --llm-url URL.",
        )
    projector = packaged_projector()
    return replace(
        _settings_of(request, find_weights(), MODEL),
        aliases=tuple(name for name in names if name != MODEL),
        projector=find_projector(projector) if projector else None,
    )


def _settings_of(request: ServerRequest, weights: Path, model: str) -> Settings:
    parallel = request.parallel or 1
    return Settings(
        weights=weights,
        model=model,
        # Requests at once share the context.
        context_length=(request.context_length or CONTEXT_LENGTH) * parallel,
        threads=usable_physical_cores(),
        parallel=parallel,
    )


def _identity(settings: Settings) -> Mapping[str, object]:
    """Name the build, which a library of Python doesn't know, and the files that were checked."""
    found: dict[str, object] = {
        "runtime": "llama.cpp", "runtime_version": f"{_RUNTIME} {version(_RUNTIME)}",
    }  # fmt: skip
    if settings.model != MODEL:
        return found | {"weights_sha256": digest_file(settings.weights)}
    projector = packaged_projector()
    return found | {
        "weights_sha256": packaged_pin().weights_sha256,
        "projector": Path(projector.file).name if projector else None,
        "projector_sha256": projector.sha256 if projector else None,
    }


def _format_count(parameters: Any) -> str | None:  # noqa: ANN401 - whatever the server sent
    """Write a number of parameters as model names do: 135M, 7.6B."""
    count = count_of(parameters)
    if count is None:
        return None
    return f"{count / 1e9:.1f}B" if count >= 1e9 else f"{count / 1e6:.0f}M"


WORK = EmbeddedModels(ask=ask, settings_of=_settings, identity_of=_identity)
