"""A seeded training loop whose state is in a file, so that a stop loses little."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Generator, Tensor, nn

SAVE_EVERY = 50
"""Steps."""


@dataclass
class Training:
    """One loop over one cycle of the learning rate, with its state in a file."""

    file: Path
    parameters: Sequence[nn.Parameter]
    generator: Generator
    steps: int
    rate: float
    warm_up: float
    """Share of the steps in which the rate rises."""
    weight_decay: float
    averaged: bool
    """Whether the result is the moving average of the weights."""

    def __post_init__(self) -> None:
        """Make the optimiser."""
        self.optimizer = torch.optim.AdamW(
            self.parameters, self.rate, weight_decay=self.weight_decay
        )
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(
            self.optimizer, self.rate, self.steps, pct_start=self.warm_up
        )
        self.average = [parameter.detach().clone() for parameter in self.parameters]
        self.step = 0

    def run(self, loss_of: Callable[[], Tensor]) -> None:
        """Train, or continue; the parameters are the result."""
        self._restore()
        while self.step < self.steps:
            loss = loss_of()
            self.optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(self.parameters, 1.0)
            self.optimizer.step()
            self.schedule.step()
            keep = min(0.998, (1 + self.step) / (10 + self.step))
            with torch.no_grad():
                torch._foreach_lerp_(self.average, [*self.parameters], 1 - keep)
            self.step += 1
            if self.step % SAVE_EVERY == 0:
                cpu = time.process_time()
                print(
                    f"{self.file.stem} step {self.step} loss {loss:.4f} cpu {cpu:.0f} s", flush=True
                )
                self._store()
        if self.averaged:
            _copy(self.average, self.parameters)

    def _store(self) -> None:
        state = {
            "step": self.step,
            "parameters": [parameter.detach() for parameter in self.parameters],
            "average": self.average,
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "generator": self.generator.get_state(),
        }
        partial = self.file.with_suffix(".partial")
        torch.save(state, partial)
        partial.replace(self.file)

    def _restore(self) -> None:
        if not self.file.exists():
            return
        state = torch.load(self.file)
        self.step = state["step"]
        _copy(state["parameters"], self.parameters)
        _copy(state["average"], self.average)
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        self.generator.set_state(state["generator"])


def _copy(source: Iterable[Tensor], target: Iterable[Tensor]) -> None:
    with torch.no_grad():
        for mine, theirs in zip(target, source, strict=True):
            mine.copy_(theirs)
