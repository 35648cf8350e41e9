"""Errors of the hub's client as errors of NOBS, with a remedy."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from httpx2 import InvalidURL
from huggingface_hub import constants, get_session
from huggingface_hub.errors import (  # type: ignore[attr-defined] # HTTPError is httpx's base
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    HTTPError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from nobs.errors import RequirementError, StorageError

OFFLINE_REMEDY = (
    "Run `nobs prefetch` while the hub is reachable, set HF_HOME to a cache that has it, "
    "or choose --profile quick or --weights random, which need no hub."
)
_PROXY_REMEDY = (
    "Write HTTP_PROXY, HTTPS_PROXY and ALL_PROXY as http://HOST:PORT, in a password @ as %40, : as "
    "%3A and # as %23. For a SOCKS proxy run `pip install socksio`; the images have none."
)


@contextmanager
def hub_errors(kind: type[RequirementError], what: str, revision: str | None) -> Iterator[None]:
    """Raise `kind`, or StorageError for the disk, instead of the hub client's errors."""
    try:
        yield
    except (HTTPError, InvalidURL, EntryNotFoundError, OSError, ValueError, ImportError) as error:
        raise _translate(error, kind, what, revision or "main") from error


def check_reachable() -> None:
    """Make one request: the hub's client would retry a download for half a minute."""
    get_session().head(constants.ENDPOINT, timeout=constants.HF_HUB_ETAG_TIMEOUT)


def _translate(
    error: Exception, kind: type[RequirementError], what: str, revision: str
) -> RequirementError:
    match error:
        case GatedRepoError():
            return kind(
                f"Access to {what} requires accepting its terms on the hub.",
                "Accept them on its page, then run `hf auth login` or set HF_TOKEN.",
            )
        case RevisionNotFoundError():
            return kind(f"The hub has no revision {revision} of {what}.", "Name one that exists.")
        case RepositoryNotFoundError() | HFValidationError():
            return kind(
                f"The hub has no {what}, or it is private.",
                "Check the spelling; for a private one run `hf auth login` or set HF_TOKEN.",
            )
        case EntryNotFoundError() if not isinstance(error, LocalEntryNotFoundError):
            return kind(f"A file of {what} is missing at revision {revision}.", "Check the pin.")
        case InvalidURL():
            # Without its text, which quotes a part of the address: it may hold a password.
            return kind(f"{what} can't be fetched: the proxy's address is invalid.", _PROXY_REMEDY)
        case _:
            return _translate_failure(error, kind, what)


def _translate_failure(
    error: Exception, kind: type[RequirementError], what: str
) -> RequirementError:
    match error:
        case OSError(errno=errno.ENOSPC | errno.EDQUOT | errno.EACCES | errno.EROFS):
            return StorageError(
                f"Can't store {what} in {constants.HF_HUB_CACHE}: {error.strerror}.",
                "Free some space, or set HF_HOME to a writable directory.",
            )
        case HfHubHTTPError():
            status = error.response.status_code
            return kind(f"The hub answered {status} to the request for {what}.", OFFLINE_REMEDY)
        case LocalEntryNotFoundError(__cause__=HfHubHTTPError() as cause):
            return _translate_failure(cause, kind, what)
        case LocalEntryNotFoundError() | OfflineModeIsEnabled() | HTTPError():
            hub = constants.ENDPOINT
            return kind(f"{what} is not cached and {hub} can't be reached.", OFFLINE_REMEDY)
        case ImportError() | ValueError() if "proxy" in str(error):
            return kind(f"{what} can't be fetched: {error}.", _PROXY_REMEDY)
        case _:
            return kind(f"Fetching {what} failed: {error}.", "Run `nobs prefetch` again.")
