"""What was collected, as text and JSON."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict

from nobs.render.json import to_document
from nobs.render.terminal import GroupedTable, TextOutput
from nobs.report.collect import Collected, State
from nobs.text import join_words

SCHEMA = "nobs.collected/1"
_KEPT = (State.COMPLETE, State.PARTIAL, State.RESUMED)
_STYLES = {State.COMPLETE: "green", State.RESUMED: "", State.DUPLICATE: ""}


def collected_text(found: Sequence[Collected], *, width: int = 80, color: bool = False) -> str:
    """Return a table of the runs, then the reasons of all that isn't whole, then the counts."""
    output = TextOutput(width=width, color=color)
    table = GroupedTable("collected")
    table.add_columns("machine", "run", "state", "ruling", is_text=True, wraps=True)
    for state in State:
        group = [each for each in found if each.state is state and each.run]
        if group:
            table.add_caption(str(state), _STYLES.get(state, "red"))
        for each in group:
            table.add_row([each.machine, each.run, str(each.state), each.ruling])
    if any(each.run for each in found):
        output.print_table(table)
    for each in found:
        for line in each.details:
            output.print(line)
        if each.reason:
            place = f" in {each.source}" if each.source else ""
            who = " ".join(filter(None, (each.machine, each.run)))
            what = f"{who}{place}" if who else each.source
            output.print(f"{each.state}: {what}: {each.reason}", indent="  ")
    output.print(_counts(found))
    return output.text


def collected_json(found: Sequence[Collected]) -> str:
    """Return everything for programs."""
    return to_document(SCHEMA, found=[asdict(each) for each in found])


def _counts(found: Sequence[Collected]) -> str:
    counts = Counter(each.state for each in found)
    parts = [f"{counts[state]} {state}" for state in State if counts[state]]
    runs = (each for each in found if each.run and not each.merged)
    kept = {each.machine for each in runs if each.state in _KEPT}
    machines = f"{len(kept)} machine{'' if len(kept) == 1 else 's'}"
    return f"{join_words(parts)}; reports of {machines}." if parts else "Nothing was found."
