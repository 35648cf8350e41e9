"""What people read when a server can't be used: the cause, and the command that mends it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from urllib.parse import urlsplit

from nobs.errors import HostApiError
from nobs.providers.base import Commands
from nobs.providers.causes import Cause, Finding
from nobs.providers.model_names import explain_other_model
from nobs.providers.refusals import Part

_DEFAULT_PORTS = {"http": 80, "https": 443}
_LISTED = 8
_CHOOSE = "Choose one of them: --llm-model NAME."
_ITS_OWN = "That is the server's own reason; its log may say more."


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Which server was asked for what."""

    base_url: str
    model: str | None
    has_key: bool
    commands: Commands


class ServerUnusable(HostApiError):
    """A server can't be used, and it is known why."""

    def __init__(self, finding: Finding, asked: Asked) -> None:
        message, remedy = _WORDS[finding.cause](finding, asked)
        super().__init__(message, remedy)
        self.finding = finding

    @property
    def cause(self) -> Cause:
        """Why, as a value."""
        return self.finding.cause


type _Told = tuple[str, str]


def host_of(base_url: str) -> str:
    """Return the host that a URL names."""
    return urlsplit(base_url).hostname or ""


def port_of(base_url: str) -> int:
    """Return the port that a URL means."""
    parts = urlsplit(base_url)
    return parts.port or _DEFAULT_PORTS.get(parts.scheme, 0)


def _start(asked: Asked) -> str:
    return asked.commands.fill(port_of(asked.base_url), asked.model or "MODEL").start


def _not_running(_finding: Finding, asked: Asked) -> _Told:
    return (
        f"Nothing listens at {asked.base_url} (connection refused).",
        f"Start the server: {_start(asked)}. Or name another one: --llm-url URL.",
    )


def _closed(finding: Finding, asked: Asked) -> _Told:
    return (
        f"What listens at {asked.base_url} closes the connection ({finding.detail}).",
        "Look at its log: it is starting, crashing, or speaks another protocol (https, http).",
    )


def _unresolved(finding: Finding, asked: Asked) -> _Told:
    host = urlsplit(asked.base_url).hostname
    return f"The name {host!r} can't be resolved ({finding.detail}).", "Correct it in --llm-url."


def _unreachable(finding: Finding, asked: Asked) -> _Told:
    return (
        f"There is no way to {asked.base_url} ({finding.detail}).",
        "Check the address and this machine's network.",
    )


def _no_reply(_finding: Finding, asked: Asked) -> _Told:
    port = port_of(asked.base_url)
    return (
        f"{asked.base_url} doesn't reply, it doesn't even refuse the connection.",
        f"Check the address, and that no firewall drops connections to port {port}.",
    )


def _silent(finding: Finding, asked: Asked) -> _Told:
    look = "Look at its log: it may still be loading, be busy with other requests, or hang."
    if finding.waited_s is None:
        return f"{asked.base_url} takes the connection but doesn't answer in time.", look
    load = asked.commands.fill(port_of(asked.base_url), asked.model or "MODEL").load
    longer = "`nobs run --request-timeout SECONDS` waits longer for a first load"
    return (
        f"{asked.base_url} takes the connection but doesn't answer in {finding.waited_s:.0f} s.",
        f"{look} {longer}; or load the model beforehand: {load}.",
    )


def _tls(finding: Finding, asked: Asked) -> _Told:
    return (
        f"No secure connection to {asked.base_url} ({finding.detail}).",
        "Write http:// if the server has no TLS; for a certificate of your own set SSL_CERT_FILE.",
    )


def _other_program(finding: Finding, asked: Asked) -> _Told:
    what = f"{asked.base_url} doesn't speak OpenAI's API: {finding.detail}."
    if finding.is_redirect:
        return what, "Requests aren't redirected: name the address itself, --llm-url .../v1."
    if not urlsplit(asked.base_url).path.rstrip("/").endswith("/v1"):
        return what, "The URL usually ends in /v1. If the path is right, correct the port."
    return what, f"Correct the port: another program listens there. Or start one: {_start(asked)}."


def _key(finding: Finding, asked: Asked) -> _Told:
    state = "doesn't accept the key" if asked.has_key else "wants a key"
    return f"{asked.base_url} {state} ({finding.detail}).", "Set LLM_API_KEY to a valid one."


def _model(finding: Finding, asked: Asked) -> _Told:
    port, models, wanted = port_of(asked.base_url), finding.models, asked.model
    close = get_close_matches(wanted or "", models, 1, 0.4)
    commands = asked.commands.fill(port, wanted or "MODEL")
    load = f"Load it: {commands.load}; if it isn't there yet: {commands.get}."
    if not models:
        has = finding.detail if wanted and finding.detail else "it has no model"
        return f"{asked.base_url} can't use model {wanted or ''!r}: {has}.", load
    more = len(models) - _LISTED
    names = ", ".join(models[:_LISTED]) + (f" and {more} more" if more > 0 else "")
    if finding.is_ambiguous:
        may = f" that {wanted!r} may mean" if wanted else ""
        return f"{asked.base_url} has several models{may}: {names}.", _CHOOSE
    choose = f"Use --llm-model {close[0]}." if close else _CHOOSE
    return (
        f"{asked.base_url} has no model {wanted!r}; it has: {names}.",
        f"{choose} {load}",
    )


def _other_model(finding: Finding, _asked: Asked) -> _Told:
    return explain_other_model(finding.models[0], finding.detail)


def _context(finding: Finding, asked: Asked) -> _Told:
    return (
        f"The request is longer than the context of {asked.model!r} ({finding.detail}).",
        "Load the model with a longer context.",
    )


def _busy(finding: Finding, asked: Asked) -> _Told:
    after_s = finding.retry_after_s
    asks = f" and asks to come back in {after_s:.0f} s" if after_s else ""
    return (
        f"{asked.base_url} is busy or loading{asks} ({finding.detail}).",
        "Try again when it is idle: what else it works on would be measured too.",
    )


def _part(finding: Finding, asked: Asked) -> _Told:
    if Part.STREAM in finding.refused:
        return (
            f"{asked.base_url} doesn't stream: {finding.detail}.",
            "Name a server or a route that streams its answers: only they can be timed.",
        )
    names = " and ".join(sorted(finding.refused))
    message = f"{asked.base_url} refuses {names}, and also a request without: {finding.detail}."
    if Part.SYSTEM_ROLE in finding.refused:
        return message, "Look at the chat template that the server has for the model."
    return message, _ITS_OWN


def _refused(finding: Finding, asked: Asked) -> _Told:
    return f"{asked.base_url} answered with an error: {finding.detail}.", _ITS_OWN


_WORDS: Mapping[Cause, Callable[[Finding, Asked], _Told]] = {
    Cause.NOT_RUNNING: _not_running,
    Cause.CLOSED: _closed,
    Cause.UNRESOLVED: _unresolved,
    Cause.UNREACHABLE: _unreachable,
    Cause.NO_REPLY: _no_reply,
    Cause.SILENT: _silent,
    Cause.TLS: _tls,
    Cause.OTHER_PROGRAM: _other_program,
    Cause.KEY: _key,
    Cause.MODEL: _model,
    Cause.OTHER_MODEL: _other_model,
    Cause.CONTEXT: _context,
    Cause.BUSY: _busy,
    Cause.PART: _part,
    Cause.REFUSED: _refused,
}
