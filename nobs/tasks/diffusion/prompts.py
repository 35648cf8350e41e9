"""Prompts: texts that a tokenizer of a text-to-image model can hold."""

from nobs.data.found import Inputs
from nobs.data.texts import load_texts
from nobs.errors import DataError
from nobs.schema.pins import DatasetPin

MAX_CHARACTERS = 1000
"""Text encoders read 77 tokens; ten times that is no prompt."""


def load_prompts(pin: DatasetPin, *, offline: bool = False, force: bool = False) -> Inputs:
    """Return the pinned prompts; DataError if one is far too long."""
    inputs = load_texts(pin, offline=offline, force=force)
    for number, prompt in enumerate(inputs.rows, start=1):
        if len(prompt) > MAX_CHARACTERS:
            raise DataError(
                f"Prompt {number} of {pin.id} has {len(prompt):,} characters; a prompt may have "
                f"{MAX_CHARACTERS:,}.",
                "Shorten it: text encoders read the first 77 tokens only.",
            )
    return inputs
