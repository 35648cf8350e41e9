"""Writes every generated file of docs/reference/ from the code: `python -m tools.docs`."""

from collections.abc import Callable, Mapping
from pathlib import Path

from tools import docs_catalogue, docs_cli, docs_pictures, docs_report, docs_settings, json_schema

REFERENCE = Path(__file__).resolve().parent.parent / "docs" / "reference"
PAGES: Mapping[str, Callable[[], str]] = {
    "cli.md": docs_cli.page,
    "settings.md": docs_settings.page,
    "report.md": docs_report.page,
    "report-1.schema.json": json_schema.page,
    "catalogue.md": docs_catalogue.page,
    "picture-gates.md": docs_pictures.page,
}


def main() -> None:
    """Write the files."""
    for name, page in PAGES.items():
        (REFERENCE / name).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
