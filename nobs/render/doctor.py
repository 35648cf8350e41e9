"""Checks as text for a terminal of 80 columns."""

import textwrap
from collections.abc import Iterator, Mapping, Sequence

_WIDTH = 80
_NAME = 14


def render_checks(checks: Sequence[Mapping[str, str]]) -> str:
    """Return a paragraph per check: state, name, finding and remedy."""
    return "".join(f"{line}\n" for check in checks for line in _lines(check))


def _lines(check: Mapping[str, str]) -> Iterator[str]:
    state = check["state"]
    head = f"{state.upper() if state == 'fail' else state:5}{check['name']:{_NAME}}"
    yield from _wrap(check["found"], head)
    if check["remedy"]:
        yield from _wrap(check["remedy"], " " * len(head), "-> ")


def _wrap(text: str, head: str, mark: str = "") -> list[str]:
    # A path or an address stays whole, so that it can be copied.
    return textwrap.wrap(
        text,
        _WIDTH,
        initial_indent=head + mark,
        subsequent_indent=" " * len(head + mark),
        break_long_words=False,
        break_on_hyphens=False,
    )
