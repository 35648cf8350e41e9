"""The server of a step, for every task that measures one."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from nobs.errors import HostApiError
from nobs.providers.model_names import explain_other_model, names_same_model
from nobs.schema.flags import Flag, FlagName
from nobs.schema.server import Connection, Locality, ServerRef
from nobs.settings import llm_api_key
from nobs.tasks.base import Work
from nobs.units import format_share

_LOCALITIES = {
    Locality.REMOTE: "The model runs on another machine: no score for this host.",
    Locality.UNKNOWN: "It is unknown whether the model runs on this host: no score.",
}


def server_of(work: Work) -> tuple[ServerRef, Connection]:
    """Return the server and the connection to it, with the key of this process's environment."""
    if work.server is None or work.connection is None:
        raise TypeError("the run's specification has no server")
    return work.server, work.connection.with_key(llm_api_key())


def refuse_other_model(answered: str | None, server: ServerRef) -> None:
    """Raise HostApiError, with both names, if another model answers than the requested one."""
    if answered and not names_same_model(server.model, answered, server.identity):
        raise HostApiError(*explain_other_model(server.model, answered))


def machine_of(server: ServerRef | None) -> str | None:
    """Return the server's host; None if it computes on the report's."""
    if server is None or server.locality is Locality.LOCAL:
        return None
    forwarded = server.identity.remote_host if server.identity else None
    return forwarded or urlsplit(server.base_url).hostname or server.base_url


def locality_warnings(server: ServerRef) -> Iterator[str]:
    """Yield that the figures aren't, or may not be, this host's."""
    if server.locality in _LOCALITIES:
        yield " ".join(filter(None, (_LOCALITIES[server.locality], server.locality_reason)))


def place_flags(server: ServerRef) -> Iterator[Flag]:
    """Yield flags of where the model computes."""
    reason = server.locality_reason
    if server.locality is Locality.REMOTE:
        where = reason or "The server is another machine."
        yield Flag.warning(FlagName.REMOTE_SERVER, f"The figures aren't this host's. {where}")
    if server.locality is Locality.UNKNOWN and reason:
        yield Flag.warning(FlagName.UNKNOWN_SERVER, f"The figures may not be this host's. {reason}")
    offload = server.identity.gpu_offload if server.identity else None
    if offload is not None and offload < 1:
        yield Flag.warning(
            FlagName.PARTIAL_OFFLOAD,
            f"Only {format_share(offload)} of the model's layers were on the GPU.",
        )


def runtime_of(server: ServerRef | None) -> str:
    """Return quantization and runtime as the server reports them, as in `Q4_K_M, llama.cpp`."""
    if server is None:
        return ""
    identity = server.identity
    quantization, runtime = (identity.quantization, identity.runtime) if identity else (None, None)
    return ", ".join(filter(None, (quantization, runtime or server.provider)))
