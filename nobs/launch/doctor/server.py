"""The check of the server that answers for LLMs: whether it can be used, and from where."""

from dataclasses import dataclass, field
from typing import Self
from urllib.parse import urlsplit

from nobs.launch.doctor.check import Check, State
from nobs.launch.engine.endpoint import seen_here
from nobs.launch.planning.facts import listens
from nobs.providers.base import Tell
from nobs.settings import DEFAULT_LLM_BASE_URL, llm_api_key, llm_base_url, llm_model_name
from nobs.system.hosts import is_loopback, own_addresses

NAME = "llm server"


@dataclass(frozen=True, kw_only=True)
class ServerToCheck:
    """Which server is to answer with which model."""

    base_url: str
    model: str | None
    api_key: str = field(repr=False)
    is_asked_for: bool
    """A server that nobody asked for may be absent: not every task needs one."""

    @classmethod
    def of(cls, url: str | None, model: str | None) -> Self:
        """Return the named server and model; what isn't named comes from the settings.

        UsageError where the URL isn't one.
        """
        told = url or llm_base_url()
        return cls(
            base_url=seen_here(told or DEFAULT_LLM_BASE_URL),
            model=model or llm_model_name(),
            api_key=llm_api_key(),
            is_asked_for=told is not None,
        )


def check_server(wanted: ServerToCheck, tell: Tell) -> Check:
    """Say whether the model answers, and to what; or what keeps it from that and what mends it."""
    # Only here the openai client is needed.
    from nobs.providers import PROVIDERS  # noqa: PLC0415
    from nobs.providers.base import Access  # noqa: PLC0415
    from nobs.providers.detection import detect_provider  # noqa: PLC0415
    from nobs.providers.diagnosis import ServerUnusable  # noqa: PLC0415
    from nobs.providers.readiness import ONCE, wait_until_ready  # noqa: PLC0415

    access = Access(base_url=wanted.base_url, api_key=wanted.api_key)
    provider = PROVIDERS.load(detect_provider(access))
    try:
        answering = wait_until_ready(access, wanted.model, provider, tell, ONCE)
    except ServerUnusable as error:
        state = State.FAIL if wanted.is_asked_for else State.WARN
        return Check(name=NAME, state=state, found=error.message, remedy=error.remedy)
    answers = f"{provider.title} at {wanted.base_url} answers with {answering.model}"
    places = [answering.elsewhere.reason.rstrip(".")] if answering.elsewhere else []
    found = "; ".join([answers, *places, *answering.request.deviations])
    return Check(name=NAME, state=State.OK, found=found + _reach(wanted.base_url))


def _reach(base_url: str) -> str:
    """Tell who else reaches a server of this machine: what Compose starts has no relay."""
    parts = urlsplit(base_url)
    if not is_loopback(str(parts.hostname)) or parts.port is None:
        return ""
    others = (address for address in own_addresses() if not is_loopback(str(address)))
    if any(listens(f"http://{each}:{parts.port}") for each in others if each.version == 4):
        return "; it listens on other addresses of this machine too"
    return (
        "; it listens on loopback alone: `nobs run` leads containers to it, Docker Compose can't "
        f"(LM Studio: `lms server start --port {parts.port} --bind 0.0.0.0`)"
    )
