"""A machine's nvidia-smi as a program, to be put into PATH."""

from pathlib import Path

RTX3060 = "GPU-11111111-2222-3333-4444-555555555555"
RTX4090 = "GPU-66666666-7777-8888-9999-000000000000"
TWO_CARDS = (
    f"0, NVIDIA GeForce RTX 3060, {RTX3060}, 580.65.06, 12288, 8.6, [N/A]\n"
    f"1, NVIDIA GeForce RTX 4090, {RTX4090}, 580.65.06, 24564, 8.9, [N/A]\n"
)


def write_smi(directory: Path, said: str, code: int = 0) -> Path:
    """Write an nvidia-smi that says `said` whatever it is asked, and ends with `code`."""
    return write_program(directory, f"cat <<'END'\n{said}\nEND\nexit {code}")


def write_program(directory: Path, script: str, name: str = "nvidia-smi") -> Path:
    """Write a shell script as a tool of a driver; return its directory, for PATH."""
    directory.mkdir(parents=True, exist_ok=True)
    file = directory / name
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)
    return directory
