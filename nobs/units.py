"""Format quantities for people; elsewhere values are SI with the unit in the name."""

from math import floor, log10


def format_seconds(seconds: float) -> str:
    """Return a duration as `12.3 ms`, `4.50 s`, `140.3 s` or `12 min 20 s`."""
    if seconds < 0.9995:
        return f"{seconds * 1000:#.3g}".rstrip(".") + " ms"
    if seconds < 99.95:
        return f"{seconds:#.3g} s"
    if seconds < 600:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def time_or_dash(seconds: float | None) -> str:
    """Return a duration for a table, a dash if it isn't known."""
    return "-" if seconds is None else format_seconds(seconds)


def join_range(low: str, high: str) -> str:
    """Return both ends of a range; a unit that they share is written once."""
    number, _, unit = low.rpartition(" ")
    is_shared = number and high.endswith(f" {unit}") and " " not in number
    return f"{number if is_shared else low} - {high}"


def format_bytes(count: float) -> str:
    """Return a size in binary units, as in `1.5 GiB`."""
    size = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TiB"


def format_share(share: float, decimals: int = 1) -> str:
    """Return a share in percent, as in `4.2 %`."""
    return f"{100 * share:.{decimals}f} %"


def rate_or_dash(rate: float | None) -> str:
    """Return a rate for a table, a dash if it isn't known."""
    return "-" if rate is None else format_rate(rate)


def format_rate(per_second: float) -> str:
    """Return a rate with three significant digits, as in `34.6`."""
    return f"{per_second:#.3g}".rstrip(".") if per_second < 999.5 else f"{per_second:,.0f}"


def format_money(usd: float) -> str:
    """Return US dollars with three significant digits, as in `$0.0123`."""
    if usd >= 999.5:
        return f"${usd:,.0f}"
    if usd >= 1e-4:
        return f"${usd:#.3g}".rstrip(".")
    # A price in powers of ten is hard to compare; below a millionth of a dollar nobody does.
    return f"${usd:.{2 - floor(log10(usd))}f}" if usd >= 1e-6 else f"${usd:.2e}"
