"""Figures of cold starts: raw starts, and the medians that follow from them."""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any, Self

from pydantic import Field

from nobs.schema.base import Record
from nobs.schema.report import Interval
from nobs.schema.result import Memory


class Start(Record):
    """One start; its parts follow each other."""

    first_result_s: float = Field(gt=0)
    """From the start to the first result: an embedding or image on the device's clock
    (synchronised), or the first token of a server."""
    weights_cached: float | None = Field(None, ge=0, le=1)
    """Share of the files of the model that was still in memory before the start; null where the
    system doesn't say, or the files aren't on this machine."""

    def parts(self) -> Mapping[str, float]:
        """Return the seconds of each part, in order."""
        raise NotImplementedError


class ColdStart(Start):
    """One new process that imports the libraries, loads the model and computes."""

    interpreter_s: float = Field(ge=0)
    """Until Python runs the first line."""
    import_s: float = Field(ge=0)
    """Importing torch and the libraries."""
    load_s: float = Field(ge=0)
    """Reading the weights and bringing them to the device."""
    first_pass_s: float = Field(ge=0)
    """The first embedding or image, kernels loaded or compiled for it included."""
    steady_pass_s: float = Field(gt=0)
    """Median of further embeddings of the same text, or images from the same latents."""
    peak_rss_bytes: int | None = None
    """Peak resident memory of the process."""

    def parts(self) -> Mapping[str, float]:
        """Return the seconds from the start of the process on."""
        return {
            "interpreter": self.interpreter_s, "imports": self.import_s,
            "weights": self.load_s, "first pass": self.first_pass_s,
        }  # fmt: skip


class ServerStart(Start):
    """One start of a server, or load of its model where it ran already, and two requests."""

    start_s: float | None = Field(None, ge=0)
    """From the start of the server's process until its program is loaded; null where the server ran
    already."""
    load_s: float = Field(ge=0)
    """Until the server is ready: reading the weights and bringing them to the device."""
    first_token_s: float = Field(ge=0)
    """From then to the first token of the first request, connecting included."""
    second_ttft_s: float = Field(gt=0)
    """TTFT of the second request: the same prompt after another nonce."""

    def parts(self) -> Mapping[str, float]:
        """Return the seconds from the start of the server or of loading on."""
        started = {} if self.start_s is None else {"server": self.start_s}
        return {**started, "weights": self.load_s, "first token": self.first_token_s}


class Starts(Record):
    """Starts of one model and their medians; subclasses have the starts."""

    final_median_first_result_s: float
    first_result_interval: Interval | None
    """CI of the median."""
    weights_cached: float | None
    """Largest share of the model's files that was in memory before a start."""

    @property
    def each(self) -> Sequence[Start]:
        """Return the starts in order."""
        raise NotImplementedError

    def recomputed(self) -> Self:
        """Return the figures that follow from the starts."""
        raise NotImplementedError

    @property
    def middle(self) -> Start:
        """Return the median start, the later one of two."""
        return sorted(self.each, key=lambda start: start.first_result_s)[len(self.each) // 2]


class ColdStarts(Starts):
    """Cold starts of one model in new processes."""

    starts: tuple[ColdStart, ...]
    """In order, without the untimed first one."""
    final_median_steady_pass_s: float

    @property
    def each(self) -> Sequence[ColdStart]:
        """Return the starts in order."""
        return self.starts

    @property
    def memory(self) -> Memory:
        """Return the largest peak of the processes; that of the step's own means nothing."""
        peaks = [start.peak_rss_bytes for start in self.starts]
        known = [peak for peak in peaks if peak is not None]
        return Memory(peak_rss_bytes=max(known, default=None))

    @classmethod
    def of(cls, starts: Sequence[ColdStart]) -> Self:
        """Return the figures of `starts`, of which there is at least one."""
        return cls(
            starts=tuple(starts),
            final_median_steady_pass_s=median(start.steady_pass_s for start in starts),
            **_common(starts),
        )

    def recomputed(self) -> Self:
        """Return the figures that follow from the starts."""
        return self.of(self.starts)


class ServerStarts(Starts):
    """Cold starts of a server or loads of its model."""

    starts: tuple[ServerStart, ...]
    """In order, without the untimed first one."""
    final_median_load_s: float
    load_interval: Interval | None
    """CI of the median."""
    final_median_second_ttft_s: float
    second_ttft_interval: Interval | None
    """CI of the median."""

    @property
    def each(self) -> Sequence[ServerStart]:
        """Return the starts in order."""
        return self.starts

    @classmethod
    def of(cls, starts: Sequence[ServerStart]) -> Self:
        """Return the figures of `starts`, of which there is at least one."""
        loads = [start.load_s for start in starts]
        seconds = [start.second_ttft_s for start in starts]
        return cls(
            starts=tuple(starts),
            final_median_load_s=median(loads),
            load_interval=Interval.of_repeats(loads),
            final_median_second_ttft_s=median(seconds),
            second_ttft_interval=Interval.of_repeats(seconds),
            **_common(starts),
        )

    def recomputed(self) -> Self:
        """Return the figures that follow from the starts."""
        return self.of(self.starts)


def _common(starts: Sequence[Start]) -> dict[str, Any]:
    firsts = [start.first_result_s for start in starts]
    cached = [start.weights_cached for start in starts]
    known = [share for share in cached if share is not None]
    return {
        "final_median_first_result_s": median(firsts),
        "first_result_interval": Interval.of_repeats(firsts),
        "weights_cached": max(known) if len(known) == len(cached) else None,
    }
