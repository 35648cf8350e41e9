"""What serves an LLM; adding one is a module and a line here."""

from nobs.providers.base import Provider
from nobs.registry import Registry

PROVIDERS: Registry[Provider] = Registry(
    "provider",
    {
        "openai": "nobs.providers.definitions:OPENAI",
        "llamacpp": "nobs.providers.definitions:LLAMACPP",
    },
    group="nobs.providers",
)
