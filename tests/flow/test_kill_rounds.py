"""Everything of a run is killed at a random moment; tests/soak/kills.py does it at length."""

import random
from pathlib import Path

import pytest

from tests.soak.kills import do_round

pytestmark = pytest.mark.long

ROUNDS = 10


@pytest.mark.parametrize("number", range(ROUNDS))
def test_a_loss_of_power_loses_nothing_that_was_finished(number: int, tmp_path: Path) -> None:
    moments = random.Random(number)

    assert do_round(tmp_path, moments) <= 3
