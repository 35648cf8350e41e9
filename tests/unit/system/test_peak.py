import sys
from pathlib import Path

import psutil
import pytest

from nobs.system import peak


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_kernel_without_a_peak_since_a_moment_gives_that_of_the_whole_life(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    status = tmp_path / "status"
    status.write_text("Name:\tpython\n")
    monkeypatch.setattr(peak, "STATUS", status)

    assert peak.peak_rss_bytes() == peak.life_peak_rss_bytes()
    assert peak.peak_rss_bytes() >= psutil.Process().memory_info().rss / 2
