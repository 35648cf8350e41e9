"""Options of the task; light to import."""

from typing import Any

from nobs.tasks.options import (
    BATCH_SIZE,
    DATA,
    DTYPE,
    MODELS,
    PASS_BUDGET,
    RANDOM_WEIGHTS,
    TUNING_BUDGET,
    Option,
)

MAX_SEQ_LENGTH: Option[int] = Option(
    name="max_seq_length", kind=int, help="Maximum sequence length in tokens."
)
OPTIONS: tuple[Option[Any], ...] = (
    BATCH_SIZE, MAX_SEQ_LENGTH, DTYPE, TUNING_BUDGET, PASS_BUDGET,
    *MODELS, *RANDOM_WEIGHTS, *DATA,
)  # fmt: skip
