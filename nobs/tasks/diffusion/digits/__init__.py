"""The packaged pipeline: handwritten digits in five colours."""

from collections.abc import Mapping
from importlib.resources import files

COLOURS: Mapping[str, tuple[float, float, float]] = {
    "red": (1, 0.15, 0.15),
    "green": (0.15, 1, 0.15),
    "blue": (0.25, 0.25, 1),
    "yellow": (1, 1, 0.1),
    "white": (1, 1, 1),
}
DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
MODEL = "nobs/tiny-digits"
"""Its name in the catalogue."""


def get_model_path() -> str:
    """Return the directory of the pipeline."""
    return str(files(__name__) / "pipeline")
