"""Settings from the environment; a `.env` file in the working directory fills what is unset."""

import io
import os
import re
from functools import cache
from pathlib import Path

from nobs.errors import UsageError
from nobs.user import cache_home, expand

CATALOG_VARIABLE = "NOBS_CATALOG"
DEFAULT_LLM_BASE_URL = "http://127.0.0.1:1234/v1"
DEFAULT_LLM_MODEL_NAME = "gpt-oss-20b"
_CREDENTIALS = re.compile(r"(\b[a-zA-Z][\w+.-]*://)([^\s/?#@]+)@")
_PROXIES = tuple(case for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
                 for case in (name, name.lower()))  # fmt: skip
NODE_NAME = "[A-Za-z0-9][A-Za-z0-9._-]{0,99}"
"""Names that schedulers give to machines; safe in file names and tables."""
MIN_SECRET_CHARS = 8
"""Shorter keys aren't hidden: they would match ordinary words."""


def load_env_file(directory: Path) -> None:
    """Read `directory/.env` into the environment without overriding what is set there.

    UsageError for a line that can't be parsed.
    """
    file = directory / ".env"
    if not file.is_file():
        return
    try:
        # Values are kept as written; paths are expanded where they are read. Editors on Windows
        # begin a file with a byte order mark.
        for name, value in _parse(file.read_text(encoding="utf-8-sig")).items():
            os.environ.setdefault(name, value)
    except (OSError, ValueError) as error:
        raise UsageError(
            f"{file} can't be read: {error}.", "Write one NAME=value per line, in UTF-8."
        ) from error


def _parse(text: str) -> dict[str, str]:
    """Return the variables of a `.env` file; ValueError with the number of a wrong line."""
    from dotenv.parser import parse_stream  # noqa: PLC0415 - only where there is a file

    values = {}
    for found in parse_stream(io.StringIO(text)):
        if found.error:
            # Blank lines before it belong to it. It is never shown: it may hold a key.
            blank = re.match(r"\s*", found.original.string)
            line = found.original.line + (blank[0].count("\n") if blank else 0)
            raise ValueError(f"line {line} isn't NAME=value")
        if found.key is not None and found.value is not None:
            values[found.key] = found.value
    return values


def hf_home() -> Path:
    """Return the user's Hugging Face directory, which every execution shares."""
    named = os.environ.get("HF_HOME")
    return expand(named, "HF_HOME") if named else cache_home() / "huggingface"


def hub_cache() -> Path:
    """Return the directory of the hub's repositories."""
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        if named := os.environ.get(name):
            return expand(named, name)
    return hf_home() / "hub"


def in_container() -> bool:
    """Return whether this process runs in one of our images."""
    return os.environ.get("NOBS_IN_CONTAINER") == "1"


def hub_endpoint() -> str:
    """Return the base URL of the hub, without a trailing slash."""
    return (os.environ.get("HF_ENDPOINT") or "https://huggingface.co").rstrip("/")


def hub_offline() -> bool:
    """Return whether the hub must not be used."""
    return os.environ.get("HF_HUB_OFFLINE", "").lower() in {"1", "true", "yes", "on"}


def llm_base_url() -> str | None:
    """Return the base URL that the user has set for LLMs, None where none is set."""
    return os.environ.get("LLM_BASE_URL") or None


def llm_model_name() -> str | None:
    """Return the model's name that the user has set for LLMs, None where none is set."""
    return os.environ.get("LLM_MODEL_NAME") or None


def llm_api_key() -> str:
    """Return the server's key: from the file in LLM_API_KEY_FILE, else LLM_API_KEY, else empty.

    A container gets it as a mounted file. An empty key is not sent: some servers refuse unknown
    keys.
    """
    name, key = "LLM_API_KEY", os.environ.get("LLM_API_KEY", "")
    if file := os.environ.get("LLM_API_KEY_FILE"):
        name = "LLM_API_KEY_FILE"
        try:
            key = expand(file, name).read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            raise UsageError(
                f"{name} can't be read: {error}.", "Name a file that holds the key."
            ) from error
    key = key.strip()
    if not key.isascii() or any(character <= " " for character in key):
        raise UsageError(
            f"The key in {name} has a space, a control or a non-ASCII character.",
            "Set the key alone, without `Bearer`.",
        )
    return key


def hide_credentials(text: str) -> str:
    """Return `text` without the user and the password of any URL in it."""
    return _CREDENTIALS.sub(r"\1***@", text)


def hide_secrets(text: str) -> str:
    """Return `text` without the user's token, key and passwords.

    Servers quote the key that they refuse, and their messages are recorded in events and reports.
    """
    named = {name: os.environ.get(name, "") for name in ("HF_TOKEN", "LLM_API_KEY")}
    files = (os.environ.get("HF_TOKEN_PATH") or str(hf_home() / "token"),
             os.environ.get("LLM_API_KEY_FILE") or "")  # fmt: skip
    for secret in (*named.values(), *map(_read_secret, files)):
        if len(secret) >= MIN_SECRET_CHARS:
            text = text.replace(secret, "***")
    for name in _PROXIES:
        for _, login in _CREDENTIALS.findall(os.environ.get(name, "")):
            text = text.replace(f"{login}@", "***@")
    return text


@cache
def _read_secret(file: str) -> str:
    try:
        return Path(file).read_text(encoding="utf-8").strip() if file else ""
    except (OSError, ValueError):
        return ""
