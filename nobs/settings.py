"""Settings from the environment; a `.env` file in the working directory fills what is unset."""

import os
from pathlib import Path

DEFAULT_RESULTS = "results"


def load_env_file(directory: Path) -> None:
    """Read `directory/.env` into the environment without overriding what is set there."""
    file = directory / ".env"
    if file.is_file():
        from dotenv import load_dotenv  # noqa: PLC0415 - only where there is a file

        load_dotenv(file, override=False)


def hf_home() -> Path:
    """Return the user's Hugging Face directory, which every execution shares."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(os.environ.get("HF_HOME") or cache / "huggingface").expanduser()


def in_container() -> bool:
    """Tell whether this process runs in one of our images."""
    return os.environ.get("NOBS_IN_CONTAINER") == "1"


def hub_endpoint() -> str:
    """Return the base URL of the hub, without a trailing slash."""
    return (os.environ.get("HF_ENDPOINT") or "https://huggingface.co").rstrip("/")


def hub_offline() -> bool:
    """Tell whether the user forbids use of the hub."""
    return os.environ.get("HF_HUB_OFFLINE", "").lower() in {"1", "true", "yes", "on"}
