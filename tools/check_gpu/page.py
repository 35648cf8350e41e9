"""The verdict as one page of Markdown that is also read as it is."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

from nobs.launch.doctor.check import Check, State
from nobs.render.doctor import render_checks
from nobs.render.markdown import escape, render_markdown
from nobs.report.leaderboard import Leaderboard
from nobs.text import join_words
from nobs.units import format_seconds

SEND = (
    "This directory is the result: send it as a whole. `results/` holds reports and raw samples, "
    "the other directories hold what each stage printed. It names the machine, paths of its user "
    "and installed packages; it holds no keys."
)


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line of the verdict."""

    check: Check
    duration_s: float | None = None

    def plain(self) -> dict[str, str]:
        """Return it as `render_checks` takes it, with its time."""
        time = "" if self.duration_s is None else f" ({format_seconds(self.duration_s)})"
        return {**asdict(self.check), "found": f"{self.check.found}{time}"}


def render_lines(lines: Sequence[Line]) -> str:
    """Return all lines as text of 80 columns."""
    return render_checks([line.plain() for line in lines])


def summarise(lines: Sequence[Line]) -> str:
    """Return the verdict in one sentence."""
    failed, doubtful, skipped = (
        [line.check.name for line in lines if line.check.state is state]
        for state in (State.FAIL, State.WARN, State.SKIP)
    )
    parts = [f"failed: {join_words(failed)}" if failed else "nothing failed"]
    parts += [f"look at {join_words(doubtful)}"] if doubtful else []
    parts += [f"{len(skipped)} of {len(lines)} not checked"] if skipped else []
    return "; ".join(parts)


def render_page(
    lines: Sequence[Line], facts: Mapping[str, str], board: Leaderboard | None, total_s: float
) -> str:
    """Return the whole page."""
    return "\n".join(_page(lines, facts, board, total_s))


def _page(
    lines: Sequence[Line], facts: Mapping[str, str], board: Leaderboard | None, total_s: float
) -> Iterator[str]:
    yield "# Check of a GPU box"
    yield ""
    yield f"**{escape(summarise(lines))}** ({format_seconds(total_s)} in all)"
    # Indented: nothing in it is markup, and it is readable as it is.
    yield ""
    yield from (f"    {name:10} {value}" for name, value in facts.items())
    yield ""
    yield from (f"    {line}" for line in render_lines(lines).splitlines())
    yield ""
    if board is not None and board.tables:
        yield render_markdown(board)
    yield SEND
    yield ""
