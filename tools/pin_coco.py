"""Pins the pictures of `vlms-coco/1`: `python -m tools.pin_coco`, where the hub can be reached.

Reads the newest commit of the data set, takes its first rows as a run does, and writes the commit
and the digest of pictures and questions into the catalogue, and the sha256 of the decoded, reduced
RGB pixels of each picture into a file beside the packaged pictures. From then on a run loads that
commit and fails where its pixels differ; results are closed. Pinned data change no more: `--check`
loads what is pinned.
"""

import argparse
import json
import re
from pathlib import Path

import PIL

from nobs.catalog import load_catalog
from nobs.schema.pins import DatasetPin
from nobs.tasks.vlms.hub_pictures import PINNED, load_hub_pictures
from nobs.tasks.vlms.pictures import PicturesEvidence

NAME = "DogNeverSleep/Hallucination_COCO"
CATALOGUE = Path(__file__).resolve().parent.parent / "nobs" / "catalog" / "datasets.toml"


def load(pin: DatasetPin) -> PicturesEvidence:
    """Return which pictures the hub has for `pin`, fetched anew."""
    evidence = load_hub_pictures(pin, offline=False, force=True).evidence
    assert isinstance(evidence, PicturesEvidence)
    return evidence


def pinned_text(text: str, found: PicturesEvidence) -> str:
    """Return the catalogue's text with the pins of the data set; SystemExit if it has some."""
    table = re.search(rf'^\["{re.escape(NAME)}"\]\n(?:.+\n)*', text, re.MULTILINE)
    if table is None or "revision" in table[0]:
        raise SystemExit(f"{NAME} is missing in the catalogue, or pinned: use --check.")
    header, rest = table[0].split("\n", 1)
    pins = f'revision = "{found.revision}"\n{rest}rows_sha256 = "{found.rows_sha256}"\n'
    return f"{text[: table.start()]}{header}\n{pins}{text[table.end() :]}"


def main() -> None:
    """Read the words, fetch, and write or check."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="load what is pinned; write nothing")
    parser.add_argument("--catalogue", type=Path, default=CATALOGUE, help="datasets.toml to write")
    parser.add_argument("--pixels", type=Path, default=PINNED, help="file of digests to write")
    words = parser.parse_args()
    pin = load_catalog().datasets[NAME]
    if words.check and pin.revision is None:
        raise SystemExit(f"{NAME} isn't pinned yet.")
    found = load(pin)
    print(f"{NAME} {found.revision}: {found.rows} pictures, sha256 {found.rows_sha256}")
    if words.check:
        return
    text = pinned_text(words.catalogue.read_text(encoding="utf-8"), found)
    pixels = {
        NAME: {
            "revision": found.revision,
            "pillow": PIL.__version__,
            "pixels_sha256": found.pixels_sha256,
        }
    }
    words.pixels.write_text(json.dumps(pixels, indent=1) + "\n", encoding="utf-8")
    words.catalogue.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
