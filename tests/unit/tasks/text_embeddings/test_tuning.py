"""The search against devices made of arithmetic."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from nobs.schema.enums import Dtype
from nobs.tasks.text_embeddings.tuning import Search, Settings, count_copies
from nobs.tasks.tuning import Outcome, OutOfMemory, Refused

BOTH: tuple[tuple[Dtype, str | None], ...] = ((Dtype.BFLOAT16, None), (Dtype.FLOAT32, None))


@dataclass
class Device:
    """Serves `rate(batch size)` rows/s, half of it in float32, up to a batch that doesn't fit."""

    rate: Callable[[int], float]
    fits: int = 10_000
    refused: str | None = None
    seconds: float = 0.0
    seen: list[Settings] = field(default_factory=list)

    def measure(self, settings: Settings) -> float:
        self.seen.append(settings)
        self.seconds += 10
        if settings.attention is not None and settings.attention == self.refused:
            raise Refused
        if settings.batch_size > self.fits:
            raise OutOfMemory
        share = 0.5 if settings.dtype is Dtype.FLOAT32 else 1.0
        return share * self.rate(settings.batch_size)

    def search(self, budget_s: float = 1e9) -> Search:
        return Search(measure=self.measure, budget_s=budget_s, clock=lambda: self.seconds)


def saturating(batch: int) -> float:
    return 100.0 * min(batch, 64)


def test_the_faster_format_is_taken() -> None:
    search = Device(saturating).search()

    assert search.find(BOTH, None).settings.dtype is Dtype.BFLOAT16
    assert search.find(BOTH[::-1], None).settings.dtype is Dtype.BFLOAT16


def test_the_first_of_equal_formats_is_taken() -> None:
    device = Device(saturating)
    found = device.search().find([(Dtype.FLOAT16, None), (Dtype.BFLOAT16, None)], None)

    assert found.settings.dtype is Dtype.FLOAT16


def test_batches_double_until_throughput_stops_growing() -> None:
    search = Device(saturating).search()
    found = search.find(BOTH, None)

    assert (found.settings.batch_size, search.stopped_by) == (64, "throughput")
    assert [trial.settings.batch_size for trial in search.trials] == [8, 8, 16, 32, 64, 128]


def test_memory_that_ends_is_a_finding() -> None:
    search = Device(saturating, fits=40).search()
    found = search.find(BOTH, None)

    assert (found.settings.batch_size, search.stopped_by) == (32, "memory")
    assert search.trials[-1].outcome is Outcome.OUT_OF_MEMORY


def test_a_device_that_fits_less_than_the_start_is_still_measured() -> None:
    assert Device(saturating, fits=2).search().find(BOTH, None).settings.batch_size == 2


def test_a_device_that_fits_nothing_is_out_of_memory() -> None:
    with pytest.raises(OutOfMemory):
        Device(saturating, fits=0).search().find(BOTH, None)


def test_a_kernel_that_is_refused_is_passed_over() -> None:
    search = Device(saturating, refused="flash_attention_2").search()
    found = search.find([(Dtype.BFLOAT16, "flash_attention_2"), (Dtype.BFLOAT16, "sdpa")], None)

    assert found.settings.attention == "sdpa"
    assert search.trials[0].outcome is Outcome.REFUSED


def test_no_trial_starts_after_the_budget() -> None:
    device = Device(saturating)
    search = device.search(budget_s=25)
    found = search.find(BOTH, None)

    assert (found.settings.batch_size, search.stopped_by, len(device.seen)) == (16, "time", 3)


def test_a_given_batch_size_is_kept() -> None:
    search = Device(saturating).search()

    assert search.find(BOTH, 24).settings.batch_size == 24
    assert len(search.trials) == 2


@pytest.mark.parametrize(("fits", "batch"), [(100, 64), (20, 16)])
def test_the_longest_batch_decides_what_fits(fits: int, batch: int) -> None:
    device = Device(saturating, fits=fits)
    search = device.search()
    wanted = Settings(dtype=Dtype.BFLOAT16, batch_size=64)

    def warm(settings: Settings) -> None:
        device.measure(settings)

    assert search.shrink(wanted, warm).batch_size == batch


@pytest.mark.parametrize(
    ("rows", "rate", "copies"),
    [(100, 1000.0, 30), (100, 20.0, 12), (100, 0.5, 1), (7, 1e6, 429), (5000, 1e6, 1)],
)
def test_texts_are_repeated_to_enough_rows_unless_that_takes_too_long(
    rows: int, rate: float, copies: int
) -> None:
    assert count_copies(rows, 3000, rate, 60.0) == copies
