"""Reasons of failed image builds, found in BuildKit's output."""

import re
from collections.abc import Sequence

from nobs.errors import NobsError, StorageError
from nobs.launch.engine.causes import Cause, find_cause

_SHOWN_LINES = 12
_WIDTH = 240


def explain_build_failure(output: Sequence[str], image: str) -> NobsError:
    """Return the error of a failed build with the relevant lines of its output."""
    lines = list(output)
    text = "\n".join(lines)
    failure = find_cause(text, _KNOWN, _UNKNOWN)
    reason = "\n".join(_relevant_lines(lines))
    return failure.kind(
        f"Can't build the image {image}: {failure.message}.\n{reason}\n", failure.remedy
    )


def _relevant_lines(lines: list[str]) -> list[str]:
    # BuildKit repeats the failed step's output between two rules of dashes, and ends with ERROR.
    rules = [number for number, line in enumerate(lines) if line.startswith("------")]
    shown = [*lines[rules[0] + 1 : rules[1]], lines[-1]] if len(rules) > 1 else lines
    cleaned = (re.sub(r"^(#\d+ )?(\d+\.\d+ )?", "", line).strip()[:_WIDTH] for line in shown)
    return [line for line in cleaned if line][-_SHOWN_LINES:]


_UNKNOWN = Cause(
    pattern="",
    message="a step of its recipe failed",
    remedy="See the whole output with `nobs build --verbose`; the Dockerfiles are in docker/.",
)

# The first match counts: special reasons come before general ones.
_KNOWN = (
    Cause(
        pattern=r"is not a docker command|unknown command: docker buildx"
        r"|^unknown (flag|shorthand)",
        message="Docker's buildx plugin is missing or too old",
        remedy="Install buildx 0.10 or newer (its package is docker-buildx or "
        "docker-buildx-plugin), or use --execution native.",
    ),
    Cause(
        pattern=r"check_torch: the",
        message="torch from this index doesn't support the backend",
        remedy="Name an index that has such builds with --torch-index or NOBS_TORCH_INDEX.",
    ),
    Cause(
        pattern=r"no space left on device|disk quota exceeded",
        message="the disk is full",
        remedy="Free some with `docker builder prune`, or put Docker's data on a larger disk.",
        kind=StorageError,
    ),
    Cause(
        pattern=r"failed to resolve source metadata|failed to load metadata"
        r"|load metadata for .*\n.*ERROR|pull access denied"
        r"|failed to (do request|authorize|fetch oauth token|create LLB definition)",
        message="its base image can't be fetched",
        remedy="Check the network, or name a local image with Python 3.12 in NOBS_BASE_IMAGE. The "
        "engine fetches it itself, by its own proxy (`docker info` names it).",
    ),
    Cause(
        pattern=r"download(-r2)?\.pytorch\.org|no solution found(.*\n){1,4}.*torch"
        r"|no version of torch|failed to fetch: .*/torch/"
        r"|invalid value .* for '\S*torch-backend",
        message="torch can't be fetched from its index",
        remedy="Name another with --torch-index or NOBS_TORCH_INDEX: `default` is the package "
        "index, whose builds carry CUDA and run on a CPU too.",
    ),
    Cause(
        pattern=r"hash mismatch",
        message="a package doesn't match its locked hash",
        remedy="Check the package index or its mirror; the locked hashes are in requirements/.",
    ),
    Cause(
        pattern=r"failed to fetch|error sending request|dns error|name resolution"
        r"|newconnectionerror|no matching distribution"
        r"|connection (refused|reset|timed out)",
        message="a package can't be fetched from its index",
        remedy="Check the network; builds get the proxy and the certificates that are set here "
        "(HTTPS_PROXY, SSL_CERT_FILE). If the host reaches the index and containers don't, "
        "set NOBS_BUILD_NETWORK=host.",
    ),
    Cause(
        pattern=r"cannot connect to the docker daemon|no builder|requires buildkit",
        message="the engine's BuildKit doesn't answer",
        remedy="Check `docker buildx ls`; Docker 20.10 or newer has it.",
    ),
)
