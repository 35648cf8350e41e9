import pytest

from nobs.units import format_bytes, format_money, format_rate, format_seconds


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0123, "12.3 ms"), (0.5, "500 ms"), (0, "0.00 ms"), (0.9999, "1.00 s"), (4.556, "4.56 s"),
     (99.96, "100.0 s"),
     (740, "12 min 20 s"), (3725, "1 h 2 min")],
)  # fmt: skip
def test_seconds(seconds: float, text: str) -> None:
    assert format_seconds(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (3 << 40, "3.0 TiB")]
)
def test_bytes(count: int, text: str) -> None:
    assert format_bytes(count) == text


@pytest.mark.parametrize(("rate", "text"), [(34.55, "34.5"), (0.712, "0.712"), (12345.6, "12,346")])
def test_rates(rate: float, text: str) -> None:
    assert format_rate(rate) == text


@pytest.mark.parametrize(
    ("usd", "text"),
    [(12345.6, "$12,346"), (999.4, "$999"), (2.5, "$2.50"), (0.0123, "$0.0123"),
     (5.28e-5, "$0.0000528"), (1e-6, "$0.00000100"), (9.87e-8, "$9.87e-08")],
)  # fmt: skip
def test_money(usd: float, text: str) -> None:
    assert format_money(usd) == text
