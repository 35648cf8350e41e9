"""Every error of NOBS; the command line catches them in one place.

NobsError                      exit 1
├── UsageError                 exit 2   the request itself is wrong
│   └── OtherModel                      a model of a kind that the task can't measure
├── RequirementError           exit 3   something the run needs is missing
│   ├── EngineError                     Docker engine: absent, no permission, wrong context
│   ├── BackendMissing                  the GPU, its driver or its container runtime
│   ├── ModelMissing                    weights that are neither cached nor reachable
│   ├── DataError                       texts that are absent or not the pinned ones
│   ├── StorageError                    a results path or a disk that can't be written
│   └── InvalidReport                   a file that isn't a report of this version
├── HostApiError               exit 4   a server on the host doesn't answer
└── RunLost                    exit 5   the end of the run is unknown, or its time was up
"""

import re
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar


class FailureClass(StrEnum):
    """Why a step didn't end as `ok`; recorded in results, decides the exit code."""

    BENCHMARK = "benchmark"
    """The work itself failed, or its output is wrong."""
    OOM = "oom"
    """Memory ran out, the device's or the machine's."""
    REQUIREMENT = "requirement"
    """Something that the step needs is missing: a model, data, a package, disk space."""
    BACKEND_MISSING = "backend-missing"
    """The backend's device, driver or torch build can't be used."""
    HOST_API = "host-api"
    """The API of a server didn't answer as needed."""
    INFRA = "infra"
    """The container engine or the machine failed, or the step ended without a result."""
    TIMEOUT = "timeout"
    """The time limit was exceeded."""
    INTERRUPTED = "interrupted"
    """The user stopped the run."""


REMEDIES = {
    FailureClass.OOM: "Use a smaller batch or model, or a device with more memory.",
    FailureClass.TIMEOUT: "Raise --timeout, or use fewer rows or a faster device.",
}


class NobsError(Exception):
    """`message`: what happened, with which value. `remedy`: what to do next."""

    exit_code: ClassVar[int] = 1
    failure_class: ClassVar[FailureClass] = FailureClass.BENCHMARK

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        gap = "" if self.message.endswith("\n") else " "
        return f"{self.message}{gap}{self.remedy}".strip()

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the attributes: subclasses make their message from arguments of their own."""
        return _restore, (type(self), self.args), self.__dict__


def _restore(kind: type[NobsError], args: tuple[Any, ...]) -> NobsError:
    """Return an error without its attributes, which unpickling sets."""
    return kind.__new__(kind, *args)


class UsageError(NobsError):
    """The request names something unknown, or options that can't be combined."""

    exit_code = 2


class OtherModel(UsageError):
    """The model is of a kind that the task can't measure."""


class RequirementError(NobsError):
    """Something that the run needs is missing on this machine."""

    exit_code = 3
    failure_class = FailureClass.REQUIREMENT


class EngineError(RequirementError):
    """The container engine is absent, unreachable, forbidden or too old."""


class BackendMissing(RequirementError):
    """The accelerator, its driver or its container runtime is missing."""

    failure_class = FailureClass.BACKEND_MISSING


class ModelMissing(RequirementError):
    """Model weights are neither in the cache nor reachable, or are not the pinned ones."""


class DataError(RequirementError):
    """Texts are absent, or their sha256 is not the pinned one."""


class StorageError(RequirementError):
    """A path can't be written, or the disk is full."""


class InvalidReport(RequirementError):
    """A file isn't a report that this NOBS reads; `reason` is the cause, without the name."""

    def __init__(
        self, file: Path, reason: str, remedy: str = "It is damaged, or isn't a report of NOBS."
    ) -> None:
        super().__init__(f"{file} is refused: {reason}.", remedy)
        self.reason = reason


class HostApiError(NobsError):
    """A server on the host doesn't answer as asked."""

    exit_code = 4
    failure_class = FailureClass.HOST_API


class RunLost(NobsError):
    """How the run ended is unknown, or its time was up."""

    exit_code = 5
    failure_class = FailureClass.INFRA


_EXHAUSTED = re.compile(
    r"out of memory|(can't|cannot) allocate memory|not enough memory|status_alloc_failed"
    r"|invalid buffer size|could not create a memory|(failed|unable) to allocate|bad_alloc",
    re.I,
)
"""The last four are Metal's, above its largest buffer, oneDNN's, llama.cpp's and C++'s."""


def is_exhausted(error: Exception) -> bool:
    """Return whether the memory of the device or the host ran out."""
    named = isinstance(error, MemoryError) or "OutOfMemory" in type(error).__name__
    return named or _EXHAUSTED.search(str(error)) is not None


_EXIT_CODES = {
    FailureClass.INTERRUPTED: 130,
    FailureClass.INFRA: 5,
    FailureClass.TIMEOUT: 5,
    FailureClass.HOST_API: 4,
    FailureClass.REQUIREMENT: 3,
    FailureClass.BACKEND_MISSING: 3,
    FailureClass.OOM: 1,
    FailureClass.BENCHMARK: 1,
}


def exit_code_of(failures: Iterable[FailureClass]) -> int:
    """Return the exit code of a run with these failures: the most severe one's, 0 without any."""
    return max((_EXIT_CODES[failure] for failure in failures), default=0)
