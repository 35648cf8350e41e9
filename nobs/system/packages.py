"""Python packages that are installed here."""

from importlib.metadata import PackageNotFoundError, version


def find_version(name: str) -> str | None:
    """Return the version of a package, None if it isn't installed."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None
