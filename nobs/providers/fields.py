"""Fields of what servers send: of the type that was expected, or None."""


def text_of(value: object) -> str | None:
    """Return a text that says something."""
    return value if isinstance(value, str) and value else None


def count_of(value: object) -> int | None:
    """Return a whole number above 0."""
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    return None
