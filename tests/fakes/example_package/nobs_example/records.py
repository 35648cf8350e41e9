"""What a workload of `example` fixes, and what its reports say."""

from typing import Literal

from nobs.schema.pins import Params
from nobs.schema.report import Interval, ModelReport
from nobs.schema.result import DataEvidence
from pydantic import BaseModel, ConfigDict, Field


class ExampleParams(Params):
    """Parameters of `example`."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["example"] = "example"
    matrix_size: int = Field(128, ge=8, le=4096)
    """Rows and columns of each matrix; up to 4096 the sums stay exact in float32."""
    spoil: bool = False
    """Change one product, to see that a wrong output has failed."""


class MatricesEvidence(DataEvidence):
    """Which matrices were multiplied."""

    largest: int
    """Largest absolute value."""


class SizeTrial(BaseModel):
    """One product of matrices of another size."""

    model_config = ConfigDict(extra="forbid")

    matrix_size: int
    time_s: float
    """Of one product."""


class ExampleModelReport(ModelReport):
    """Figures of one matrix; null if it isn't ok."""

    model_config = ConfigDict(extra="forbid")

    final_median_time_seconds: float | None = None
    """Median time of all products."""
    final_median_products_per_second: float | None = None
    time_interval: Interval | None = None
    """CI of the median time, seconds."""
    products: int | None = None
    """Of one repeat."""
    matrix_size: int | None = None
    """Read back from the products."""
    checksums: tuple[float, ...] = ()
    """Sum of all values of each product, as the device computed them."""
    expected_checksums: tuple[float, ...] = ()
    """The same in exact arithmetic."""
    scaling: tuple[SizeTrial, ...] = ()
    """Smaller matrices."""
