import os
from pathlib import Path

import pytest

from nobs.errors import StorageError
from nobs.storage.files import write_atomic
from nobs.storage.rundir import safe_name
from nobs.storage.store import append_line, make_run_dir, prepare_results, report_path


def test_results_path_that_is_a_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "results"
    file.write_text("")

    with pytest.raises(StorageError, match="is a file"):
        prepare_results(file)


def test_unwritable_results_are_refused() -> None:
    with pytest.raises(StorageError, match=r"Can't write.*--results"):
        prepare_results(Path("/proc/nobs-results"))


def test_full_disk_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="Only 1 MiB are free"):
        prepare_results(tmp_path / "results", free_bytes=1 << 20)


def test_same_run_id_twice_is_refused(tmp_path: Path) -> None:
    prepare_results(tmp_path)
    make_run_dir(tmp_path, "a")

    with pytest.raises(StorageError, match="Can't create"):
        make_run_dir(tmp_path, "a")


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("Mac16,6", "report_Mac16,6.json"),
        ("ASUS/../../etc passwd", "report_ASUS-..-..-etc-passwd.json"),
        ("..", "report_unknown.json"),
        ("<script>", "report_script.json"),
        ("x" * 300, f"report_{'x' * 100}.json"),
    ],
)
def test_report_is_named_after_the_host_safely(tmp_path: Path, host: str, name: str) -> None:
    assert report_path(tmp_path, host) == tmp_path / name


def test_safe_names_are_never_empty_or_hidden() -> None:
    assert safe_name("") == safe_name("...") == safe_name("///") == "unknown"


def test_atomic_write_replaces_and_leaves_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    write_atomic(file, "old")
    write_atomic(file, "new")

    assert file.read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]


def test_failed_atomic_write_leaves_the_old_file(tmp_path: Path) -> None:
    directory = tmp_path / "report.json"
    directory.mkdir()
    (directory / "inside").write_text("kept")

    with pytest.raises(StorageError):
        write_atomic(directory, "new")

    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]
    assert (directory / "inside").read_text() == "kept"


def test_appended_lines_follow_each_other(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    append_line(file, "one\n")
    append_line(file, "two\n")

    assert file.read_text() == "one\ntwo\n"


def test_abandoned_reports_are_swept_but_not_those_that_another_machine_writes(
    tmp_path: Path,
) -> None:
    old, fresh = ".report_x.json.4194304.abc", ".report_x@n2.json.4194304.abc"
    for name in (old, fresh, ".report_x.json.mine"):
        (tmp_path / name).touch()
    os.utime(tmp_path / old, (0, 0))

    prepare_results(tmp_path)

    assert {path.name for path in tmp_path.iterdir()} == {fresh, ".report_x.json.mine", "runs"}


def test_nodes_of_one_model_have_reports_of_their_own(tmp_path: Path) -> None:
    names = {report_path(tmp_path, "a host", node).name for node in (None, "n1", "n2")}

    assert names == {"report_a-host.json", "report_a-host@n1.json", "report_a-host@n2.json"}
    assert report_path(tmp_path, "a host@n1").name == "report_a-host-n1.json"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a disk that is full")
def test_a_line_for_a_full_disk_is_an_error_with_a_remedy() -> None:
    with pytest.raises(StorageError, match=r"No space left on device.*--results"):
        append_line(Path("/dev/full"), "one\n")


def test_results_whose_name_is_too_long_are_refused(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"name too long.*--results"):
        prepare_results(tmp_path / ("x" * 300))
