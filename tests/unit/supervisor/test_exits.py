from pathlib import Path

import pytest

from nobs.errors import FailureClass
from nobs.supervisor.children import StepExit
from nobs.supervisor.exits import count_oom_kills, explain_exit


@pytest.mark.parametrize(
    ("ended", "exhausted", "kind"),
    [
        (StepExit(exit_code=-9), True, FailureClass.OOM),
        (StepExit(exit_code=-9), False, FailureClass.INFRA),
        (StepExit(exit_code=-9, timed_out=True), True, FailureClass.TIMEOUT),
        (StepExit(exit_code=-11), True, FailureClass.INFRA),
        (StepExit(exit_code=None), False, FailureClass.INFRA),
    ],
)
def test_only_the_kernel_s_kills_are_out_of_memory(
    ended: StepExit, exhausted: bool, kind: FailureClass
) -> None:
    assert explain_exit(ended, 10.0, exhausted=exhausted).failure_class is kind


def test_kills_are_counted_where_the_kernel_tells(tmp_path: Path) -> None:
    vmstat = tmp_path / "vmstat"
    vmstat.write_text("nr_free_pages 1\noom_kill 3\n")

    assert count_oom_kills(vmstat) == 3
    assert count_oom_kills(tmp_path / "absent") is None
