"""Options of the task; light to import."""

from typing import Any

from nobs.tasks.chat.options import CONCURRENCY
from nobs.tasks.options import DATA, SERVER, Option

INPUTS: Option[tuple[int, ...]] = Option(
    name="inputs", kind=int, many=True,
    help="Texts per request; each number is measured at each concurrency.",
)  # fmt: skip
OPTIONS: tuple[Option[Any], ...] = (INPUTS, CONCURRENCY, *SERVER, *DATA)
