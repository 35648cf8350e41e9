"""Parameters of tasks: their base class, and those read from files as the class of their task."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ConfigDict, ValidationError

from nobs.errors import DataError
from nobs.schema.enums import Backend, Dtype
from nobs.schema.pins import Params, Workload
from nobs.schema.spec import RunSpec
from nobs.tasks import TASKS


class ClosedParams(Params):
    """Parameters that refuse unknown fields."""

    model_config = ConfigDict(extra="forbid")


def typed(workload: Workload) -> Workload:
    """Return `workload` with parameters of its task's class; DataError if they don't fit.

    Workloads of tasks that aren't installed are returned unchanged.
    """
    if workload.task not in TASKS:
        return workload
    kinds, params = TASKS.load(workload.task).params, workload.params
    if params.kind not in kinds:
        raise DataError(
            f"{workload.label} has parameters of the kind {params.kind!r}, which the task "
            f"{workload.task} doesn't have.",
            f"Choose one of: {', '.join(kinds)}.",
        )
    closed = close(kinds[params.kind], params.model_dump(), workload.label)
    return workload.model_copy(update={"params": closed})


def typed_spec(spec: RunSpec) -> RunSpec:
    """Return `spec` with typed workloads."""
    return spec.model_copy(update={"workloads": tuple(map(typed, spec.workloads))})


def close(kind: type[Params], values: Mapping[str, Any], where: str) -> Params:
    """Return `values` as parameters of the class `kind`; DataError names each wrong field."""
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        faults = (
            f"{'.'.join(map(str, each['loc']))}: {each['msg']}"
            for each in error.errors(include_url=False, include_input=False)
        )
        raise DataError(
            f"{where} doesn't fit the parameters of {values['kind']}: {'; '.join(faults)}.",
            f"Their fields are: {', '.join(kind.model_fields)}.",
        ) from error


def note_slow_dtype(params: Params, backend: Backend) -> Iterator[str]:
    """Yield a note that float16 is slow on CPUs, for parameters with a `dtype`."""
    if backend is Backend.CPU and getattr(params, "dtype", None) is Dtype.FLOAT16:
        yield "float16 is several times slower than float32 on CPUs; use bfloat16 or float32."
