"""Chooses the executor of a run by its specification, once per command."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from nobs.errors import EngineError
from nobs.launch.executor.base import Executor
from nobs.launch.executor.native import NativeExecutor
from nobs.schema.spec import RunSpec

if TYPE_CHECKING:
    from nobs.launch.engine.client import Engine


def _connect() -> "Engine":
    from nobs.launch.engine.client import connect  # noqa: PLC0415 - native runs never load the SDK

    return connect()


def choose_executor(spec: RunSpec, find_engine: "Callable[[], Engine]" = _connect) -> Executor:
    """Return the executor of a run; EngineError where it needs an engine and none answers."""
    if spec.image is None:
        return NativeExecutor()
    from nobs.launch.executor.container import ContainerExecutor  # noqa: PLC0415 - as above

    return ContainerExecutor(find_engine())


@contextmanager
def all_executors(
    on_absent: Callable[[EngineError], None] = lambda error: None,
) -> Iterator[tuple[Executor, ...]]:
    """Yield every available executor; `on_absent` takes the reason why one isn't."""
    try:
        engine = _connect()
    except EngineError as error:
        on_absent(error)
        yield (NativeExecutor(),)
        return
    from nobs.launch.executor.container import ContainerExecutor  # noqa: PLC0415 - as above

    with closing(ContainerExecutor(engine)) as executor:
        yield (NativeExecutor(), executor)
