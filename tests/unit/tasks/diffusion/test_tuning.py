"""The search for the fastest settings, with rates by a formula."""

import pytest

from nobs.schema.enums import Dtype
from nobs.tasks.diffusion.tuning import KERNELS, Attention, Search, Settings
from nobs.tasks.tuning import Outcome, OutOfMemory, Refused

BF16, F32 = Dtype.BFLOAT16, Dtype.FLOAT32


def rate(settings: Settings) -> float:
    """bfloat16 and compilation are fast, channels last is slow, and four images are enough."""
    speed = 2.0 if settings.dtype is BF16 else 1.0
    speed *= 1.5 if settings.compiled else 1.0
    speed *= 0.9 if settings.channels_last else 1.0
    return 10 * speed * min(settings.batch_size, 4)


def test_each_change_is_kept_if_it_is_faster() -> None:
    search = Search(measure=rate, budget_s=60)

    best = search.find((BF16, F32), None, compiles=True)

    assert best == Settings(dtype=BF16, vae_dtype=BF16, batch_size=4, compiled=True)
    assert search.stopped_by == "throughput"
    assert [trial["batch_size"] for trial in search.describe()] == [1, 1, 1, 1, 2, 4, 8]


def test_the_fastest_attention_kernel_is_kept_and_one_that_fails_is_recorded() -> None:
    def measure(settings: Settings) -> float:
        if settings.attention is Attention.EFFICIENT:
            raise Refused
        return rate(settings) * (1.5 if settings.attention is Attention.CUDNN else 1.0)

    search = Search(measure=measure, budget_s=60)
    best = search.find((BF16,), 1, compiles=False, kernels=KERNELS["cuda"])

    assert best.attention is Attention.CUDNN
    assert [(trial["attention"], trial["outcome"]) for trial in search.describe()] == [
        (None, "ok"), ("flash", "ok"), ("efficient", "refused"), ("cudnn", "ok"), ("cudnn", "ok"),
    ]  # fmt: skip


def test_a_given_batch_is_kept() -> None:
    search = Search(measure=rate, budget_s=60)

    assert search.find((F32,), 2, compiles=False).batch_size == 2
    assert search.stopped_by == "the batch size was given"


def test_what_fits_wins_and_failures_are_kept() -> None:
    def measure(settings: Settings) -> float:
        if settings.batch_size > 2:
            raise OutOfMemory
        if settings.compiled:
            raise Refused
        return rate(settings)

    search = Search(measure=measure, budget_s=60)

    assert search.find((BF16,), None, compiles=True).batch_size == 2
    assert search.stopped_by == "memory"
    assert [trial.outcome for trial in search.trials if trial.outcome is not Outcome.OK] == [
        Outcome.REFUSED, Outcome.OUT_OF_MEMORY,
    ]  # fmt: skip


def test_nothing_that_fits_is_out_of_memory() -> None:
    def measure(settings: Settings) -> float:
        raise OutOfMemory

    with pytest.raises(OutOfMemory, match="not even a batch of 1 fits"):
        Search(measure=measure, budget_s=60).find((BF16, F32), None, compiles=False)


def test_after_the_budget_no_trial_starts() -> None:
    times = iter(range(0, 1000, 10))
    search = Search(measure=rate, budget_s=15, clock=lambda: float(next(times)))

    search.find((BF16, F32), None, compiles=True)

    assert search.stopped_by == "time"
    assert len(search.trials) == 3


def test_the_decoder_stays_in_float32_beside_a_denoiser_in_float16() -> None:
    search = Search(measure=rate, budget_s=60)

    best = search.find((Dtype.FLOAT16,), 1, compiles=False)

    assert (best.dtype, best.vae_dtype) == (Dtype.FLOAT16, F32)
