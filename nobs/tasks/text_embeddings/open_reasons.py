"""Where the model or the work is not what was named: reasons for an open result, and warnings."""

from collections.abc import Iterator

from nobs.schema.pins import Workload
from nobs.tasks.text_embeddings.params import EmbeddingsMaxParams, EmbeddingsParams
from nobs.tasks.text_embeddings.report import EmbeddingsModelReport, Encoder, Origin

SHOWN = 3
"""Names of weights in a sentence."""
GUESSED = (
    "The model has no modules.json: sentence-transformers loaded it as {architecture} and put a "
    "pooling of its own choice behind it ({pooling}). The figures are those of this guess."
)
PUBLISHED = "{architecture}, not as the {published} that was published,"
CONVERTED = (
    "sentence-transformers converted the model: it loaded {modules}, not the modules that "
    "modules.json lists. The figures are those of the converted model."
)
RANDOM = (
    "The files don't hold all weights of the model: {names} are random. They may be the weights of "
    "another model."
)
ROUTED = "The model has several routes: the rows went through {route}, as documents."
WHOLE = "The model takes texts whole: max_seq_length doesn't apply to it."
STATIC = (
    "The model has no transformer, so its FLOPs are not counted and there is no share of the "
    "device's limit."
)


def open_reasons_of(model: EmbeddingsModelReport, workload: Workload) -> Iterator[str]:
    """Yield what makes the result open though the workload's pins are those of the catalogue."""
    encoder = model.encoder
    if encoder and encoder.origin is Origin.GUESSED:
        guess = encoder.pooling or "none"
        yield f"models: {model.model_name} without modules.json, pooling guessed ({guess})"
    if encoder and encoder.origin is Origin.CONVERTED:
        yield f"models: {model.model_name} converted to {', '.join(encoder.modules)}"
    if encoder and encoder.random_weights:
        yield f"models: {model.model_name} with random weights ({_some(encoder.random_weights)})"
    if isinstance(workload.params, EmbeddingsParams | EmbeddingsMaxParams):
        yield from _limit_of(model, workload.params.max_seq_length)


def warn_of_encoder(model: EmbeddingsModelReport) -> Iterator[str]:
    """Yield what a reader must know of the modules that were measured."""
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
    """Yield another length at which texts were cut; an older report doesn't say `encoder`."""
    limit = model.max_seq_length
    if limit is None and model.encoder is not None:
        yield f"params.max_seq_length: none in force instead of {asked} ({model.model_name})"
    if limit is not None and limit < asked:
        yield f"params.max_seq_length: {limit} in force instead of {asked} ({model.model_name})"
