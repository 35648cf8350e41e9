"""Work of known duration that uses no CPU: the sleep is what is timed."""

import time
from dataclasses import dataclass, field


@dataclass
class Nap:
    """Sleeps `durations_s` in turn, the last one ever after, and notes the order of calls."""

    durations_s: list[float]
    calls: list[str] = field(default_factory=list)

    def run(self) -> int:
        self.calls.append("run")
        index = min(self.calls.count("run"), len(self.durations_s)) - 1
        time.sleep(self.durations_s[index])
        return 10

    def synchronize(self) -> None:
        self.calls.append("synchronize")
