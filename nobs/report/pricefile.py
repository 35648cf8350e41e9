"""Price files: CSV, one machine per line."""

import csv
import math
from collections.abc import Iterator, Mapping
from pathlib import Path

from nobs.errors import UsageError
from nobs.report.price import Price
from nobs.text import join_words, to_line

FIELDS = ("host", "usd_per_hour", "purchase_usd", "lifetime_years", "duty", "usd_per_kwh")
MAX_BYTES = 1 << 20


def read_prices(file: Path) -> Iterator[tuple[str, Price]]:
    """Yield machine and price of each line; UsageError with line and field for an error."""
    names: list[str] = []
    seen: dict[str, int] = {}
    for number, cells in _rows(file):
        if not any(cell.strip() for cell in cells) or cells[0].startswith("#"):
            continue
        if not names:
            names = _heading(file, number, [cell.strip() for cell in cells])
            continue
        if len(cells) != len(names):
            raise _Wrong(
                file, number, "", f"has {len(cells)} fields, but the heading has {len(names)}",
                "Separate fields by commas, and write numbers with a decimal point.",
            )  # fmt: skip
        row = {name: cell.strip() for name, cell in zip(names, cells, strict=True)}
        price = _price(file, number, row)
        host = row["host"]
        if host in seen:
            raise _Wrong(
                file, number, "host", f"{to_line(host)} has a price in line {seen[host]} already",
                "Keep one of the lines.",
            )  # fmt: skip
        seen[host] = number
        yield host, price
    if not seen:
        raise UsageError(
            f"The price file {file} has no price.",
            f"Write a heading ({','.join(FIELDS)}) and one machine per line.",
        )


def _rows(file: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the fields of each line with its number; of one in quotes over several, the last."""
    lines = csv.reader(_read(file).splitlines(), skipinitialspace=True, strict=True)
    try:
        for cells in lines:
            yield lines.line_num, cells
    except csv.Error as error:
        remedy = "Look for a quote that isn't closed."
        raise _Wrong(file, lines.line_num, "", f"isn't CSV ({error})", remedy) from error


class _Wrong(UsageError):
    """An error in one line of a price file."""

    def __init__(self, file: Path, line: int, name: str, what: str, remedy: str) -> None:
        field = f", field {name}" if name else ""
        super().__init__(f"{file}, line {line}{field}: {what}.", remedy)


def _read(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            content = opened.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise UsageError(f"The price file {file} is larger than 1 MiB.", "Name a CSV file.")
        text = content.decode("utf-8-sig")
    except OSError as error:
        raise UsageError(
            f"The price file {file} can't be read: {error.strerror}.", "Name a CSV file."
        ) from error
    except UnicodeDecodeError as error:
        raise UsageError(
            f"The price file {file} isn't UTF-8 (byte {error.start}).",
            "Save it as CSV in UTF-8.",
        ) from error
    if "\0" in text:
        raise UsageError(f"The price file {file} isn't a text file.", "Save it as CSV in UTF-8.")
    return text


def _heading(file: Path, number: int, names: list[str]) -> list[str]:
    known = f"The heading names some of {join_words(FIELDS)}, separated by commas."
    for name in names:
        if name not in FIELDS:
            raise _Wrong(file, number, to_line(name) or '""', "is unknown", known)
        if names.count(name) > 1:
            raise _Wrong(file, number, name, "stands twice in the heading", "Remove one of them.")
    if "host" not in names:
        raise _Wrong(file, number, "host", "is missing in the heading", known)
    return names


def _price(file: Path, number: int, row: Mapping[str, str]) -> Price:
    """Return the price in one line."""
    values = {name: _value(file, number, name, row.get(name, "")) for name in FIELDS[1:]}
    for name, what, remedy in _faults(row["host"], values):
        raise _Wrong(file, number, name, what, remedy)
    duty = values.pop("duty") or 1.0
    return Price(source=f"{file.name}, line {number}", duty=duty, **values)


def _value(file: Path, number: int, name: str, text: str) -> float | None:
    if not text:
        return None
    try:
        value = float(text.removeprefix("$"))
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        example = "Write it as 1234.5, without unit or thousands separator."
        raise _Wrong(file, number, name, f"{to_line(text)} isn't a number above 0", example)
    return value


def _faults(host: str, values: Mapping[str, float | None]) -> Iterator[tuple[str, str, str]]:
    """Yield field, fault and remedy of each fault in one line."""
    duty, rent, bought, years = (
        values[name] for name in ("duty", "usd_per_hour", "purchase_usd", "lifetime_years")
    )
    if not host:
        yield "host", "is empty", "Write the host as `nobs report` shows it."
    if duty is not None and duty > 1:
        yield "duty", f"{duty:g} is above 1", "Write a share of the time, as in 0.4."
    if rent and bought:
        yield "purchase_usd", "usd_per_hour is given, too", "Remove one of them."
    if (bought is None) != (years is None):
        missing = "purchase_usd" if bought is None else "lifetime_years"
        yield missing, "is missing", "A purchase has both purchase_usd and lifetime_years."
    if not (rent or bought or values["usd_per_kwh"]):
        yield "usd_per_hour", "the line has no price", "Add one, or remove the line."
