import os
import sys
from pathlib import Path

import pytest

from nobs.system.page_cache import cached_share, drop_files

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Linux counts cached pages")


def test_dropped_files_are_no_longer_in_memory(tmp_path: Path) -> None:
    file = tmp_path / "weights"
    file.write_bytes(os.urandom(1 << 20))
    if os.statvfs(tmp_path).f_blocks and _is_in_memory(tmp_path):
        pytest.skip("the temporary directory is in memory")

    assert cached_share([file]) == 1.0
    drop_files([file])
    assert cached_share([file]) == 0.0


def test_empty_and_missing_files_count_as_nothing(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()

    assert cached_share([tmp_path / "empty", tmp_path / "missing"]) is None
    drop_files([tmp_path / "missing"])


def test_the_pages_of_other_users_files_are_unknown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "weights"
    file.write_bytes(bytes(1 << 16))
    other = file.stat().st_uid + 1
    monkeypatch.setattr(os, "geteuid", lambda: other)
    monkeypatch.setattr(os, "access", lambda _file, _mode: False)

    assert cached_share([file]) is None


def _is_in_memory(place: Path) -> bool:
    lines = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    inside = [(len(at), kind) for _, at, kind, *_ in lines if str(place).startswith(at)]
    return max(inside)[1] in {"tmpfs", "ramfs"}
