import hashlib
from pathlib import Path

import pytest

from nobs.data.checks import RESERVE_BYTES, check_space, digest_rows
from nobs.errors import StorageError


def test_digest_is_of_length_prefixed_utf8() -> None:
    encoded = b"\0\0\0\0\0\0\0\x03a\xc3\xa9" + b"\0\0\0\0\0\0\0\x01b"
    assert digest_rows(["aé", "b"]) == hashlib.sha256(encoded).hexdigest()


@pytest.mark.parametrize("other", [["ab", "c"], ["abc"], ["bc", "a"], ["a", "bc", ""]])
def test_other_rows_have_another_digest(other: list[str]) -> None:
    assert digest_rows(other) != digest_rows(["a", "bc"])


def test_room_is_needed_for_the_download_and_a_reserve(tmp_path: Path) -> None:
    check_space(tmp_path, 10, free=RESERVE_BYTES + 10)
    with pytest.raises(StorageError, match=f"needs 11 bytes.*{RESERVE_BYTES + 10} bytes are free"):
        check_space(tmp_path, 11, free=RESERVE_BYTES + 10)


def test_a_directory_that_is_yet_to_be_made_has_the_space_of_its_disk(tmp_path: Path) -> None:
    check_space(tmp_path / "a" / "b", 0)
    with pytest.raises(StorageError, match="bytes are free"):
        check_space(tmp_path / "a" / "b", 1 << 60)
