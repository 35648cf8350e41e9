"""Medians as a table and as a plot."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.llm_client.scenario import FLOOD, SCENARIOS, Medians, Result, Scenario

HEADER = (f"{'client':<24}{'TTFT error':>14}{'gap error':>14}{'p99 delay':>13}"
          f"{'tokens/s':>12}{'server':>12}{'load':>7}")  # fmt: skip

TITLES = ("TTFT error, ms", "gap error, %", "tokens/s without delay")


def table(medians: Medians, absent: Sequence[str]) -> Iterator[str]:
    """Yield a block of lines for each scenario; a tool without a row has failed in every round."""
    for scenario in SCENARIOS:
        if (rows := medians.get(scenario.name)) is None:
            continue
        yield f"\n{scenario.name}, {scenario.tokens} tokens"
        yield HEADER
        yield from (f"{client:<24}{_cells(scenario, of)}" for client, of in rows.items())
        yield from (f"{client:<24}  not installed" for client in absent)


def _cells(scenario: Scenario, r: Result) -> str:
    """Return one row; without a delay there is no gap to be wrong about."""
    gap = f"{r.gap_error_percent:+,.3f} %" if scenario.gap_ms else "-"
    delay = "-" if r.delay_p99_ms is None else f"{r.delay_p99_ms:.2f} ms"
    return (f"{r.ttft_error_ms:>+11.2f} ms{gap:>14}{delay:>13}"
            f"{r.tokens_per_s:>12,.0f}{r.sent_tokens_per_s:>12,.0f}{r.load:>7.1f}")  # fmt: skip


def plot(medians: Medians, own: str, path: Path) -> None:
    """Draw the errors by client and scenario; nearer to the left is more accurate."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams |= {"svg.fonttype": "none", "svg.hashsalt": "nobs"}
    from matplotlib import pyplot as plt

    shown = [s for s in SCENARIOS if s.name in medians and s.gap_ms]
    clients = list(dict.fromkeys(name for s in shown for name in medians[s.name]))[::-1]
    figure, axes = plt.subplots(1, 3, figsize=(11, 3.6), sharey=True, layout="constrained")
    for scenario, marker in zip(shown, "osD^v", strict=False):
        rows = medians[scenario.name]
        for axis, of in ((axes[0], _ttft), (axes[1], _gap)):
            points = [(of(rows[name]), name) for name in clients if name in rows]
            axis.plot(*zip(*points, strict=True), marker, label=scenario.name, alpha=0.8)
    rates = medians.get(FLOOD.name, {})
    colors = ["tab:blue" if name == own else "tab:gray" for name in clients]
    axes[2].barh(clients, [rates[n].tokens_per_s if n in rates else 0 for n in clients],
                 color=colors)  # fmt: skip
    for axis, title in zip(axes, TITLES, strict=True):
        axis.set_title(title)
        axis.grid(axis="x", alpha=0.3)
    for axis in axes[:2]:
        axis.set_xscale("log")
        axis.minorticks_off()
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    figure.savefig(path, metadata={"Date": None})


def _ttft(result: Result) -> float:
    return max(abs(result.ttft_error_ms), 1e-2)


def _gap(result: Result) -> float:
    return max(abs(result.gap_error_percent), 1e-3)
