"""Known causes of what engines and their builds say when they fail."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from nobs.errors import EngineError, NobsError


@dataclass(frozen=True, kw_only=True)
class Cause:
    """One cause, with its remedy."""

    pattern: str
    """Searched in the text; case is ignored."""
    message: str
    remedy: str
    kind: type[NobsError] = EngineError


def find_cause(
    text: str, causes: Iterable[Cause], otherwise: Cause, flags: re.RegexFlag = re.IGNORECASE
) -> Cause:
    """Return the first of `causes` that `text` shows."""
    return next((each for each in causes if re.search(each.pattern, text, flags)), otherwise)
