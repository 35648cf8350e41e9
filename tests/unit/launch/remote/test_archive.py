"""Archives of runs: whole, cut, altered, hostile."""

import hashlib
import io
import tarfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from nobs.launch.remote.archive import Damaged, receive

FILES = {"runs/a/report.json": b"{}", "runs/a/steps/one/result.json": b"x" * 5000}


def archive(files: Mapping[str, bytes], listed: Mapping[str, bytes] = FILES) -> bytes:
    lines = [f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in listed.items()]
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return "".join(lines).encode() + b"\x1earchive \n" + packed.getvalue()


def left(results: Path) -> list[str]:
    return sorted(str(file.relative_to(results)) for file in results.rglob("*") if file.is_file())


def test_a_whole_archive_is_unpacked(tmp_path: Path) -> None:
    run = receive(io.BytesIO(archive(FILES)), "a", tmp_path)

    assert run == tmp_path / "runs" / "a"
    assert left(tmp_path) == sorted(FILES)


def test_a_later_copy_replaces_an_earlier_one(tmp_path: Path) -> None:
    receive(io.BytesIO(archive(FILES)), "a", tmp_path)
    later = {"runs/a/report.json": b"later"}
    receive(io.BytesIO(archive(later, later)), "a", tmp_path)

    assert left(tmp_path) == ["runs/a/report.json"]
    assert (tmp_path / "runs/a/report.json").read_bytes() == b"later"


@pytest.mark.parametrize("kept", [0, 10, 100, 200, 300])
def test_a_cut_archive_leaves_nothing(tmp_path: Path, kept: int) -> None:
    whole = archive(FILES)
    assert kept < len(whole)
    with pytest.raises(Damaged, match="is incomplete"):
        receive(io.BytesIO(whole[:kept]), "a", tmp_path)

    assert left(tmp_path) == []


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({**FILES, "runs/a/report.json": b"[]"}, r"runs/a/report.json is altered; 2 of 2 files"),
        ({"runs/a/report.json": b"{}"}, r"result.json is missing; 1 of 2 files came"),
    ],
)
def test_what_its_digests_don_t_say_is_refused(
    tmp_path: Path, files: Mapping[str, bytes], said: str
) -> None:
    with pytest.raises(Damaged, match=said):
        receive(io.BytesIO(archive(files)), "a", tmp_path)

    assert left(tmp_path) == []


@pytest.mark.parametrize("name", ["runs/a/../../evil", "/runs/a/evil", "runs/b/evil", "evil"])
def test_no_name_leads_elsewhere(tmp_path: Path, name: str) -> None:
    files = {name: b"evil"}
    with pytest.raises(Damaged):
        receive(io.BytesIO(archive(files, files)), "a", tmp_path / "results")

    assert left(tmp_path) == []


def test_what_isn_t_listed_is_left_out(tmp_path: Path) -> None:
    receive(io.BytesIO(archive({**FILES, "../evil": b"evil"})), "a", tmp_path / "results")

    assert left(tmp_path / "results") == sorted(FILES)
    assert not (tmp_path / "evil").exists()
