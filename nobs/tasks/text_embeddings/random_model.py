"""A directory that sentence-transformers loads as a model with random weights."""

from pathlib import Path

from sentence_transformers import SentenceTransformer
from transformers import BertTokenizer

from nobs.data.architectures import architecture_of, write_settings, write_tokenizer
from nobs.data.layout import TRANSFORMERS, WEIGHTED, layout_of
from nobs.errors import OtherModel
from nobs.schema.pins import ModelPin
from nobs.tasks.random_weights import check_parameters, initialise

_HEADER = b'{"__metadata__":{"format":"pt"}}'
_NO_WEIGHTS = len(_HEADER).to_bytes(8, "little") + _HEADER
"""A safetensors file without tensors."""


def write_directory(pin: ModelPin, directory: Path) -> Path:
    """Write settings, tokenizer and a file of weights that holds none; return `directory`.

    transformers builds what is missing from the file, so that real and random weights are loaded by
    the same code.
    """
    architecture = architecture_of(pin)
    write_settings(architecture, directory)
    write_tokenizer(architecture, directory)
    # Architectures without a slow tokenizer, such as ModernBERT, look for tokenizer.json only.
    BertTokenizer(vocab=str(directory / "vocab.txt")).save_pretrained(directory)
    modules = layout_of(directory, pin.id, "Correct its modules.json in the catalogue.").modules
    for module in modules:
        if module.name in TRANSFORMERS:
            (directory / module.folder / "model.safetensors").write_bytes(_NO_WEIGHTS)
        elif module.name in WEIGHTED or not module.is_own:
            raise OtherModel(
                f"Random weights for the module {module.name} of {pin.id} aren't supported.",
                "Choose a model of a transformer and a pooling.",
            )
    return directory


def fill(pin: ModelPin, model: SentenceTransformer) -> None:
    """Give the loaded model its seeded weights; NobsError if it isn't the described one."""
    check_parameters(pin, [model])
    initialise(model, pin.random.seed if pin.random else 0)
