"""CPU time and memory of the commands that people wait for."""

import argparse
import os
import subprocess
import sys
from statistics import median

COMMANDS = {
    "python -c pass": ["-c", "pass"],
    "nobs --help": ["-m", "nobs", "--help"],
    "nobs run --help": ["-m", "nobs", "run", "--help"],
    "nobs info": ["-m", "nobs", "info"],
    "nobs tasks": ["-m", "nobs", "tasks"],
}


def cost(arguments: list[str]) -> tuple[float, float]:
    """Return CPU seconds and peak resident MiB of one child, its own children included."""
    pid = os.posix_spawn(
        sys.executable, [sys.executable, *arguments], dict(os.environ),
        file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)],
    )  # fmt: skip
    _, status, usage = os.wait4(pid, 0)
    if status:
        raise subprocess.CalledProcessError(os.waitstatus_to_exitcode(status), arguments)
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", "--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    costs: dict[str, list[tuple[float, float]]] = {name: [] for name in COMMANDS}
    for number in range(rounds + 1):
        for name, arguments in COMMANDS.items():
            seen = cost(arguments)
            if number:
                costs[name].append(seen)
    for name, seen_all in costs.items():
        cpu = median(seconds for seconds, _ in seen_all)
        memory = median(mib for _, mib in seen_all)
        print(f"{name:16} {cpu:6.3f} s CPU {memory:6.0f} MiB  (median of {rounds})")


if __name__ == "__main__":
    main()
