"""A server of one's own kind: the light half, without the client of its API."""

from nobs.providers.base import Commands
from nobs.providers.definitions import Definition

PROVIDER = Definition(
    name="example",
    title="Example server",
    default_url=None,
    commands=Commands(
        start="example serve --port {port}", load="example load {model}", get="example get {model}"
    ),
    work="nobs_example.serving",
)
