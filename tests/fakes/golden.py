"""Files that outputs are held against."""

import os
from pathlib import Path

GOLDEN = Path(__file__).parents[1] / "golden"


def check(name: str, text: str) -> None:
    """Compare with the golden file; NOBS_GOLDEN=write makes it anew, to be looked at."""
    file = GOLDEN / name
    if os.environ.get("NOBS_GOLDEN") == "write":
        file.write_text(text, encoding="utf-8", newline="")
    assert text == file.read_text(encoding="utf-8")
