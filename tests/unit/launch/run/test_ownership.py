"""Whose a run is while this very process carries it out."""

from pathlib import Path

from nobs.launch.run.ownership import claimed, owner_lives
from tests.fakes.runs import order, quick_workload


def test_a_process_waits_for_no_other_launcher_where_it_is_the_launcher(tmp_path: Path) -> None:
    run_dir = order(tmp_path / "results", quick_workload())

    with claimed(run_dir, run_dir.read_spec()) as state:
        assert not owner_lives(run_dir)
        other = state.owner.model_copy(update={"host": "elsewhere"})
        run_dir.write(run_dir.state_file, state.model_copy(update={"owner": other}))
        assert owner_lives(run_dir)
