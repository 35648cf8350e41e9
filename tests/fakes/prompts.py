"""The hub's data set of prompts, as far as `llms/1` reads it."""

import csv
from pathlib import Path

from nobs.catalog import load_catalog

REPO = "fka/awesome-chatgpt-prompts"


def write_prompts(hub_root: Path, count: int = 5) -> None:
    """Write short prompts into a repository of the hub, at the pinned commit."""
    pin = load_catalog().datasets[REPO]
    file = hub_root / "datasets" / REPO / str(pin.revision) / str(pin.file)
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w", newline="", encoding="utf-8") as opened:
        writer = csv.writer(opened)
        writer.writerow(["act", str(pin.column)])
        writer.writerows([f"act {n}", f"Name the number {n}."] for n in range(count))
