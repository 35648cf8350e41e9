"""Options of the task; light to import."""

from typing import Any

from nobs.tasks.chat.options import LOAD, MAX_OUTPUT_TOKENS
from nobs.tasks.options import DATA, SERVER, Option

OPTIONS: tuple[Option[Any], ...] = (MAX_OUTPUT_TOKENS, *LOAD, *SERVER, *DATA)
