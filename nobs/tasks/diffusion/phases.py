"""Stage times of a pipeline's call; the device is synchronised at the ends of stages only."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch

from nobs.tasks.calibration import wait_for

STAGES = ("text", "denoise", "decode", "pixels")


@dataclass
class Watch:
    """Counts the denoiser's calls and the seconds of each stage since `restart`."""

    device: str
    every_step: bool = False
    """Whether to wait for the device at each call of the denoiser, to time single steps."""
    seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(STAGES, 0.0))
    calls: int = 0
    evaluations: int = 0
    """Latents that the denoiser computed: with guidance two per image and step."""
    starts: list[float] = field(default_factory=list)
    """When each call of the denoiser began, on the clock of `time.perf_counter`."""
    ends: list[float] = field(default_factory=list)
    """When the last step of each call of the pipeline had ended."""
    _since: float = 0.0
    _is_encoding: bool = False

    def restart(self) -> None:
        """Forget what was counted."""
        self.seconds = dict.fromkeys(STAGES, 0.0)
        self.calls = self.evaluations = 0
        self.starts, self.ends = [], []

    def begin(self) -> None:
        """Start the first stage of one call of the pipeline."""
        self._is_encoding = True
        self._since = time.perf_counter()

    def end(self, stage: str) -> None:
        """Count the time since the last end as `stage`."""
        wait_for(self.device)
        now = time.perf_counter()
        self.seconds[stage] += now - self._since
        self._since = now
        if stage == "denoise":
            self.ends.append(now)

    @contextmanager
    def on(self, denoiser: torch.nn.Module) -> Iterator[None]:
        """Watch the calls of `denoiser`; the first one of a call of the pipeline ends `text`."""
        hook = denoiser.register_forward_pre_hook(self._note)
        try:
            yield
        finally:
            hook.remove()

    def _note(self, module: torch.nn.Module, arguments: tuple[Any, ...]) -> None:
        if self._is_encoding:
            self._is_encoding = False
            self.end("text")
        elif self.every_step:
            wait_for(self.device)
        self.calls += 1
        self.evaluations += arguments[0].shape[0]
        self.starts.append(time.perf_counter())
