"""Differences between the named and the measured model: open reasons and warnings."""

from collections.abc import Iterator

from nobs.schema.pins import Workload
from nobs.tasks.text_embeddings.params import (
    EmbeddingsColdParams,
    EmbeddingsFitParams,
    EmbeddingsMaxParams,
    EmbeddingsParams,
)
from nobs.tasks.text_embeddings.report import EmbeddingsModelReport, Encoder, Origin

SHOWN = 3
"""Names of weights shown in a message."""
GUESSED = (
    "The model has no modules.json: sentence-transformers loaded it as {architecture} and added "
    "its default pooling ({pooling}). The figures apply to this guess."
)
PUBLISHED = "{architecture} (published as {published})"
CONVERTED = (
    "sentence-transformers converted the model: it loaded {modules} instead of the modules "
    "in modules.json. The figures apply to the converted model."
)
RANDOM = (
    "Weights are missing from the model's files: {names} are random. The files may belong to "
    "another model."
)
ROUTED = "The model has several routes: rows were encoded as documents by the route {route}."
WHOLE = "The model doesn't truncate texts: max_seq_length has no effect."
STATIC = "The model has no transformer: its FLOPs are not counted and there is no MFU."


def open_reasons_of(model: EmbeddingsModelReport, workload: Workload) -> Iterator[str]:
    """Yield reasons for an open result that only the loaded model shows."""
    encoder = model.encoder
    if encoder and encoder.origin is Origin.GUESSED:
        guess = encoder.pooling or "none"
        yield f"models: {model.model_name} without modules.json, pooling guessed ({guess})"
    if encoder and encoder.origin is Origin.CONVERTED:
        yield f"models: {model.model_name} converted to {', '.join(encoder.modules)}"
    if encoder and encoder.random_weights:
        yield f"models: {model.model_name} with random weights ({_some(encoder.random_weights)})"
    kinds = EmbeddingsParams | EmbeddingsMaxParams | EmbeddingsColdParams | EmbeddingsFitParams
    if isinstance(workload.params, kinds):
        yield from _limit_of(model, workload.params.max_seq_length)


def warn_of_encoder(model: EmbeddingsModelReport) -> Iterator[str]:
    """Yield warnings about the measured modules."""
    if model.encoder is not None:
        yield from _warn(model.encoder)
        if model.max_seq_length is None:
            yield WHOLE


def _warn(encoder: Encoder) -> Iterator[str]:
    if encoder.origin is Origin.GUESSED:
        loaded, published = encoder.architecture, encoder.published_architecture
        yield GUESSED.format(
            architecture=PUBLISHED.format(architecture=loaded, published=published)
            if published
            else loaded,
            pooling=encoder.pooling or "none",
        )
    if encoder.origin is Origin.CONVERTED:
        yield CONVERTED.format(modules=", ".join(encoder.modules))
    if encoder.random_weights:
        yield RANDOM.format(names=_some(encoder.random_weights))
    if encoder.route is not None:
        yield ROUTED.format(route=encoder.route)
    if encoder.architecture is None:
        yield STATIC


def _some(names: tuple[str, ...]) -> str:
    """Return the first names, and how many more there are."""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def _limit_of(model: EmbeddingsModelReport, asked: int) -> Iterator[str]:
    """Yield a maximum length other than `asked`; older reports have no `encoder`."""
    limit = model.max_seq_length
    if limit is None and model.encoder is not None:
        yield f"params.max_seq_length: none instead of {asked} ({model.model_name})"
    if limit is not None and limit < asked:
        yield f"params.max_seq_length: {limit} instead of {asked} ({model.model_name})"
