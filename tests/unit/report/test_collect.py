"""Reports of many machines, from honest and hostile sources."""

import io
import json
import shutil
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nobs.render.collected import collected_json, collected_text
from nobs.report.build import seal
from nobs.report.collect import Collected, State, collect
from nobs.schema.report import Report
from nobs.storage import sources
from nobs.storage.files import to_json
from nobs.storage.store import prepare_results, publish
from tests.fakes.honest_reports import honest_report
from tests.fakes.rounds import change_spec
from tests.fakes.runs import order, quick_workload

REPORT = honest_report()


def report_of(node: str, run: str, **changes: Any) -> Report:
    """Return the honest report of a node's run."""
    update = {"node": node, "id": run, **changes}
    return seal(REPORT.model_copy(update={"run": REPORT.run.model_copy(update=update)}))


def results_of(directory: Path, *reports: Report) -> Path:
    """Write a results directory as runs leave it."""
    prepare_results(directory)
    for report in reports:
        own = directory / "runs" / report.run.id
        own.mkdir(exist_ok=True)
        (own / "report.json").write_text(to_json(report))
        publish(directory, report)
    return directory


@pytest.fixture
def into(tmp_path: Path) -> Path:
    prepare_results(tmp_path / "into")
    return tmp_path / "into"


def states(found: list[Collected]) -> list[tuple[str, str]]:
    return sorted((str(each.state), each.run) for each in found)


def test_all_rounds_of_all_nodes_are_kept_and_the_latest_are_published(
    tmp_path: Path, into: Path
) -> None:
    reports = [report_of(f"n{n}", f"run-{n}-{r}") for n in range(3) for r in range(5)]
    shared = results_of(tmp_path / "shared", *reports)

    found = collect([str(shared)], into)

    assert states(found) == [("complete", f"run-{n}-{r}") for n in range(3) for r in range(5)]
    assert len(list(into.glob("runs/*/report.json"))) == 15
    assert len(list(into.glob("report_*@n[012].json"))) == 3
    assert {file.read_text() for file in into.glob("runs/*/*.json")} == set(map(to_json, reports))


def pack_tar(kind: str) -> Callable[[Path, Path], None]:
    def pack(directory: Path, archive: Path) -> None:
        mode: Any = f"w:{kind}"
        with tarfile.open(archive, mode) as file:
            file.add(directory, "results")

    return pack


def pack_zip(directory: Path, archive: Path) -> None:
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for path in directory.rglob("*.json"):
            file.write(path, f"results/{path.relative_to(directory)}")


@pytest.mark.parametrize("pack", [*map(pack_tar, ("", "gz", "bz2", "xz")), pack_zip])
def test_archives_are_read_like_directories(
    tmp_path: Path, into: Path, pack: Callable[[Path, Path], None]
) -> None:
    packed = tmp_path / "archive"
    pack(results_of(tmp_path / "n1", report_of("n1", "a")), packed)

    assert states(collect([str(packed)], into)) == [("complete", "a")]
    assert [file.name for file in into.glob("report_*@n1.json")]


def test_the_same_report_twice_and_earlier_states_are_named(tmp_path: Path, into: Path) -> None:
    early = report_of("n1", "a", finished=None)
    one = results_of(tmp_path / "one", report_of("n1", "a"))
    two = shutil.copytree(one, tmp_path / "two")
    three = results_of(tmp_path / "three", early)

    found = collect([str(three), str(one), str(two)], into)

    assert states(found) == [("complete", "a"), ("duplicate", "a"), ("duplicate", "a")]
    assert {e.reason.partition(" is ")[0] for e in found if e.state is State.DUPLICATE} == {
        "the same report", "an earlier state of the run",
    }  # fmt: skip


def test_altered_invalid_partial_and_lost_runs_are_named_and_bad_ones_left_out(
    tmp_path: Path, into: Path
) -> None:
    altered = json.loads(to_json(report_of("n1", "altered")))
    altered["timestamp"] = "2027-01-01T00:00:00Z"
    source = results_of(tmp_path / "shared", report_of("n2", "partial", finished=None))
    (source / "report_altered.json").write_text(json.dumps(altered))
    (source / "report_damaged.json").write_text('{"schema": ')
    change_spec(order(source, quick_workload(), run_id="lost"), node="n3")

    found = collect([str(source)], into, ["n1", "n2", "n3"])

    assert [state for state, _ in states(found)] == [
        "altered", "invalid", "lost", "lost", "partial",
    ]  # fmt: skip
    lost = [each for each in found if each.state is State.LOST]
    assert sorted(each.machine.rpartition("@")[2] for each in lost) == ["n1", "n3"]
    assert [path.name for path in into.glob("runs/*")] == ["partial"]
    assert all(each.state.is_fault for each in found)


def test_a_run_that_another_machine_took_over_is_named_with_it(tmp_path: Path, into: Path) -> None:
    partial = honest_report(is_interrupted=True)

    def begun(node: str, run: str, **changes: Any) -> Report:
        info = partial.run.model_copy(update={"node": node, "id": run, **changes})
        return seal(partial.model_copy(update={"run": info}))

    shared = results_of(
        tmp_path / "shared", begun("n1", "stopped"),
        begun("n2", "moved", resumes="stopped"), report_of("n3", "whole", resumes="moved"),
        begun("n4", "dead", finished=None), report_of("n5", "other", resumes="dead"),
        begun("n6", "begun", resumes="absent"), begun("n7", "round", resumes="round"),
    )  # fmt: skip
    spec = order(shared, quick_workload(), run_id="gone")
    change_spec(spec, node="n8")
    results_of(shared, report_of("n9", "last", resumes="gone"))

    found = {each.run: each for each in collect([str(shared)], into)}

    assert {run: str(each.state) for run, each in found.items()} == {
        "stopped": "resumed", "moved": "resumed", "whole": "complete", "dead": "partial",
        "other": "complete", "begun": "partial", "round": "partial", "gone": "lost",
        "last": "complete",
    }  # fmt: skip
    assert found["stopped"].reason.endswith("@n3 measured all of it in run whole")
    assert found["dead"].reason.endswith("@n5 measured all of it in run other")
    assert found["gone"].reason.endswith("@n9 measured all of it in run last")


def test_a_half_copied_archive_keeps_what_was_whole(tmp_path: Path, into: Path) -> None:
    directory = results_of(tmp_path / "r", *(report_of("n1", f"r{n}") for n in range(9)))
    pack_tar("gz")(directory, tmp_path / "whole.tgz")
    content = (tmp_path / "whole.tgz").read_bytes()
    (tmp_path / "half.tgz").write_bytes(content[: len(content) * 2 // 3])

    found = collect([str(tmp_path / "half.tgz")], into)

    assert {each.state for each in found} == {State.UNREADABLE, State.COMPLETE}
    assert "only a part of an archive" in found[0].reason


def test_names_and_links_of_an_archive_reach_nothing_here(tmp_path: Path, into: Path) -> None:
    data = to_json(report_of("n1", "a")).encode()
    secret = tmp_path / "secret"
    secret.write_text("secret")
    with tarfile.open(tmp_path / "evil.tar", "w") as file:
        for name in ("../../report_up.json", "/report_root.json", "C:\\report_x.json"):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            file.addfile(info, io.BytesIO(data))
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE):
            info = tarfile.TarInfo("report_link.json")
            info.type, info.linkname = kind, str(secret)
            file.addfile(info)
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "report_link.json").symlink_to(secret)
    before = sorted(tmp_path.rglob("*"))

    found = collect([str(tmp_path / "evil.tar"), str(tmp_path / "linked")], into)

    assert states(found) == [("complete", "a")]
    assert [
        p for p in sorted(tmp_path.rglob("*")) if p not in before and into not in p.parents
    ] == []
    assert "secret" not in collected_json(found)


@pytest.mark.parametrize("name", ["..", "a/b", "../../x", ".hidden", "a" * 200])
def test_a_run_s_name_is_never_a_path(tmp_path: Path, into: Path, name: str) -> None:
    file = tmp_path / "report_x.json"
    file.write_text(to_json(report_of("n1", name)))

    (found,) = collect([str(file)], into)

    assert found.state is State.INVALID
    assert list(into.glob("**/*.json")) == []


def test_bombs_are_refused_before_they_are_unpacked(
    tmp_path: Path, into: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "MAX_UNPACKED_BYTES", 1 << 20)
    monkeypatch.setattr(sources, "MAX_FILES", 100)
    zeros = bytes(4 << 20)
    with tarfile.open(tmp_path / "bytes.tgz", "w:gz") as file:
        info = tarfile.TarInfo("ballast")
        info.size = len(zeros)
        file.addfile(info, io.BytesIO(zeros))
    with tarfile.open(tmp_path / "header.tgz", "w:gz", format=tarfile.PAX_FORMAT) as file:
        info = tarfile.TarInfo("report_x.json")
        info.pax_headers = {"comment": "x" * (2 << 20)}
        file.addfile(info)
    with zipfile.ZipFile(tmp_path / "files.zip", "w") as packed:
        for number in range(101):
            packed.writestr(f"report_{number}.json", "{}")
    with zipfile.ZipFile(tmp_path / "report.zip", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("report_big.json", bytes(64 << 20))

    found = collect([str(file) for file in sorted(tmp_path.glob("*.*"))], into)

    assert [each.state for each in found if each.state is State.UNREADABLE] == ["unreadable"] * 3
    assert [each.reason for each in found if each.state is State.INVALID]


def test_what_isn_t_there_or_isn_t_supported_is_named(tmp_path: Path, into: Path) -> None:
    zstd = tmp_path / "r.tar.zst"
    zstd.write_bytes(b"\x28\xb5\x2f\xfd" + bytes(300))

    absent, unknown = collect([str(tmp_path / "absent"), str(zstd)], into)

    assert "neither a file nor a directory" in absent.reason
    assert "zstd, which isn't supported" in unknown.reason


def test_the_table_fits_the_terminal_and_is_harmless() -> None:
    found = [
        Collected(
            state=State.LOST, source="s" * 200, machine="m" * 90, run="r" * 60, reason="x " * 99
        ),
        Collected(state=State.COMPLETE, source="a", machine="h@n1", run="b", ruling="closed"),
    ]
    text = collected_text(found)

    assert max(map(len, text.splitlines())) <= 201
    assert "1 complete and 1 lost; reports of 1 machine." in text
