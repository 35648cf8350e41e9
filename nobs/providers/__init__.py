"""Providers of model servers; a new one is a module and a line in this table."""

from typing import TYPE_CHECKING

from nobs.registry import Registry

if TYPE_CHECKING:
    from nobs.providers.definitions import Definition

PROVIDERS: "Registry[Definition]" = Registry(
    "provider",
    {
        "lmstudio": "nobs.providers.definitions:LMSTUDIO",
        "openai": "nobs.providers.definitions:OPENAI",
        "ollama": "nobs.providers.definitions:OLLAMA",
        "llamacpp": "nobs.providers.definitions:LLAMACPP",
        "sentence-transformers": "nobs.providers.definitions:SENTENCE_TRANSFORMERS",
    },
    group="nobs.providers",
)
