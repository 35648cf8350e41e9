import sys

import pytest


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    """Tests run side by side: threads that wait for each other on a busy core cost seconds."""
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(1)
