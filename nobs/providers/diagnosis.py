"""Messages for servers that can't be used: the cause and the remedy."""

from collections.abc import Mapping
from difflib import get_close_matches
from urllib.parse import urlsplit

from nobs.errors import HostApiError
from nobs.providers.base import Commands
from nobs.providers.causes import Cause, Finding
from nobs.providers.model_names import explain_other_model
from nobs.providers.refusals import Part
from nobs.schema.server import Connection

_LISTED = 8
_CHOOSE = "Choose one of them: --llm-model NAME."
_ITS_OWN = "This is the server's message; see its log for details."
_ITS_LOG = "See its log: it may be loading, busy with other requests, or hanging."


class ServerUnusable(HostApiError):
    """A server can't be used for a known reason."""

    def __init__(
        self, finding: Finding, connection: Connection, model: str | None, commands: Commands
    ) -> None:
        filled = commands.fill(connection.port, model or "MODEL")
        message, remedy = _explain(finding, connection, model, filled)
        super().__init__(message, remedy)
        self.finding = finding

    @property
    def cause(self) -> Cause:
        """The classified cause."""
        return self.finding.cause


# Message and remedy of the causes that need no more than the values named in them.
_TEMPLATES: Mapping[Cause, tuple[str, str]] = {
    Cause.NOT_RUNNING: (
        "Nothing listens at {url} (connection refused).",
        "Start the server: {start}. Or use another one: --llm-url URL.",
    ),
    Cause.CLOSED: (
        "The server at {url} closes the connection ({detail}).",
        "See its log: it is starting, crashing, or expects another protocol (https, http).",
    ),
    Cause.UNRESOLVED: (
        "The name {host!r} can't be resolved ({detail}).",
        "Correct it in --llm-url.",
    ),
    Cause.UNREACHABLE: (
        "There is no route to {url} ({detail}).",
        "Check the address and this machine's network.",
    ),
    Cause.NO_REPLY: (
        "{url} doesn't reply to the connection.",
        "Check the address and any firewall for port {port}.",
    ),
    Cause.TLS: (
        "No secure connection to {url} ({detail}).",
        "Use http:// if the server has no TLS; for your own certificate set SSL_CERT_FILE.",
    ),
    Cause.KEY: (
        "{url} {key_state} ({detail}).",
        "Set LLM_API_KEY to a valid one.",
    ),
    Cause.CONTEXT: (
        "The request is longer than the context of {model!r} ({detail}).",
        "Load the model with a longer context.",
    ),
    Cause.BUSY: (
        "{url} is busy or loading{retry_after} ({detail}).",
        "Try again when it is idle: other requests would distort the measurement.",
    ),
    Cause.REFUSED: (
        "{url} answered with an error: {detail}.",
        _ITS_OWN,
    ),
}


def _explain(
    finding: Finding, connection: Connection, model: str | None, commands: Commands
) -> tuple[str, str]:
    """Return the message and its remedy; `commands` are those for this server and model."""
    match finding.cause:
        case Cause.MODEL:
            return _explain_model(finding, connection.base_url, model, commands)
        case Cause.OTHER_MODEL:
            return explain_other_model(finding.models[0], finding.detail)
        case Cause.OTHER_PROGRAM:
            return _explain_other_program(finding, connection.base_url, commands)
        case Cause.PART:
            return _explain_refused_part(finding, connection.base_url)
        case Cause.SILENT:
            return _explain_silence(finding, connection.base_url, commands)
    after_s = finding.retry_after_s
    values = {
        "url": connection.base_url,
        "host": connection.host,
        "port": connection.port,
        "model": model,
        "detail": finding.detail,
        "start": commands.start,
        "key_state": "rejects the key" if connection.api_key else "requires a key",
        "retry_after": f" and asks for a retry in {after_s:.0f} s" if after_s else "",
    }
    message, remedy = _TEMPLATES[finding.cause]
    return message.format(**values), remedy.format(**values)


def _explain_silence(finding: Finding, url: str, commands: Commands) -> tuple[str, str]:
    message = f"{url} accepts the connection but doesn't answer in"
    if finding.waited_s is None:
        return f"{message} time.", _ITS_LOG
    longer = "`nobs run --request-timeout SECONDS` allows a longer first load"
    remedy = f"{_ITS_LOG} {longer}; or load the model beforehand: {commands.load}."
    return f"{message} {finding.waited_s:.0f} s.", remedy


def _explain_other_program(finding: Finding, url: str, commands: Commands) -> tuple[str, str]:
    message = f"{url} doesn't answer with OpenAI's API: {finding.detail}."
    if finding.is_redirect:
        return message, "Redirects aren't followed: use the final address, --llm-url .../v1."
    if not urlsplit(url).path.rstrip("/").endswith("/v1"):
        return message, "The URL usually ends in /v1. If the path is right, correct the port."
    remedy = (
        f"Correct the port: another program listens there. Or start a server: {commands.start}."
    )
    return message, remedy


def _explain_model(
    finding: Finding, url: str, wanted: str | None, commands: Commands
) -> tuple[str, str]:
    models = finding.models
    load = f"Load it: {commands.load}; if it isn't downloaded: {commands.get}."
    if not models:
        has = finding.detail if wanted and finding.detail else "it has no model"
        return f"{url} can't use model {wanted or ''!r}: {has}.", load
    more = len(models) - _LISTED
    names = ", ".join(models[:_LISTED]) + (f" and {more} more" if more > 0 else "")
    if finding.is_ambiguous:
        may = f" that {wanted!r} may mean" if wanted else ""
        return f"{url} has several models{may}: {names}.", _CHOOSE
    close = get_close_matches(wanted or "", models, 1, 0.4)
    choose = f"Use --llm-model {close[0]}." if close else _CHOOSE
    return f"{url} has no model {wanted!r}; it has: {names}.", f"{choose} {load}"


def _explain_refused_part(finding: Finding, url: str) -> tuple[str, str]:
    if Part.STREAM in finding.refused:
        return (
            f"{url} doesn't stream: {finding.detail}.",
            "Use a server or a route that streams its answers: only these can be timed.",
        )
    names = " and ".join(sorted(finding.refused))
    message = f"{url} refuses {names}, and also a request without it: {finding.detail}."
    if Part.SYSTEM_ROLE in finding.refused:
        return message, "Check the server's chat template of the model."
    return message, _ITS_OWN
