"""What serves an LLM; adding one is a module and a line here."""

from typing import TYPE_CHECKING

from nobs.registry import Registry

if TYPE_CHECKING:
    from nobs.providers.base import Provider

EMBEDDED = "llamacpp"
"""The provider that can start a server of its own."""
PROVIDERS: "Registry[Provider]" = Registry(
    "provider",
    {
        "lmstudio": "nobs.providers.definitions:LMSTUDIO",
        "openai": "nobs.providers.definitions:OPENAI",
        "ollama": "nobs.providers.definitions:OLLAMA",
        "llamacpp": "nobs.providers.definitions:LLAMACPP",
    },
    group="nobs.providers",
)
