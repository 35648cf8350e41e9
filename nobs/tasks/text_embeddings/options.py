"""Options of the task; light to import."""

from typing import Any

from nobs.schema.enums import Dtype
from nobs.tasks.options import DATA, MODELS, PASS_BUDGET, RANDOM_WEIGHTS, TUNING_BUDGET, Option

BATCH_SIZE: Option[int] = Option(name="batch_size", kind=int, help="Batch size.")
MAX_SEQ_LENGTH: Option[int] = Option(
    name="max_seq_length", kind=int, help="Maximum sequence length in tokens."
)
DTYPE: Option[str] = Option(
    name="dtype", choices=tuple(Dtype), help="Number format of weights and computation."
)
OPTIONS: tuple[Option[Any], ...] = (
    BATCH_SIZE, MAX_SEQ_LENGTH, DTYPE, TUNING_BUDGET, PASS_BUDGET,
    *MODELS, *RANDOM_WEIGHTS, *DATA,
)  # fmt: skip
