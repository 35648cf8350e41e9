"""sentence-transformers as a server for one run, with the model that comes as a package."""

from collections.abc import Mapping
from importlib.metadata import version
from importlib.util import find_spec

from nobs.errors import RequirementError, UsageError
from nobs.providers.embedded import EmbeddedModels, EncoderSettings
from nobs.providers.openai import ask
from nobs.providers.weights import packaged_pin
from nobs.schema.pins import Source
from nobs.schema.server import Api, ServerRequest
from nobs.system.host import usable_physical_cores

MAX_SEQ_LENGTH = 256
"""Tokens of a text that the model was trained for; longer texts are truncated."""
_RUNTIME = "sentence-transformers"


def _settings(request: ServerRequest) -> EncoderSettings:
    if find_spec("sentence_transformers") is None:
        raise RequirementError(
            f"The embedded server needs the package {_RUNTIME}.",
            'Install it: `pip install "nobs[bench,quick]"`. Or use a server: --llm-url URL.',
        )
    from nobs.data.models import open_model  # noqa: PLC0415 - needs what was just looked for

    pin = packaged_pin(Api.EMBED)
    if request.model not in (None, pin.id):
        raise UsageError(
            f"The embedded server has {pin.id} only, not {request.model!r}.",
            "Leave out --llm-model, or name a server: --llm-url URL.",
        )
    model = open_model(pin.model_copy(update={"source": Source.PACKAGE}), offline=True)
    return EncoderSettings(
        directory=model.path,
        model=pin.id,
        max_seq_length=MAX_SEQ_LENGTH,
        threads=usable_physical_cores(),
    )


def _identity(_settings: EncoderSettings) -> Mapping[str, object]:
    """Name the library, and the file that was checked."""
    return {
        "runtime": _RUNTIME,
        "runtime_version": version(_RUNTIME),
        "context_length": MAX_SEQ_LENGTH,
        "weights_sha256": packaged_pin(Api.EMBED).weights_sha256,
    }


WORK = EmbeddedModels(ask=ask, settings_of=_settings, identity_of=_identity, api=Api.EMBED)
