import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from nobs.report.build import build_report
from nobs.storage.store import publish
from nobs.system.identity import host, identify
from nobs.system.probe import LocalMachine
from tests.fakes.command import run_nobs
from tests.fakes.forked import REPO
from tests.fakes.reports import make_report
from tests.fakes.results import make_spec, ok, results_of
from tests.fakes.several import machine_at_once

OWN_LINE = ["34.5", "±0.8", "%", "2", "of", "2", "68.9", "A", "big", "GPU"]


def nobs_report(*arguments: str) -> subprocess.CompletedProcess[str]:
    return run_nobs("report", *arguments, cwd=REPO)


def write_report(results: Path) -> Path:
    spec = make_spec(profile="quick")
    step = spec.steps[0]
    report = build_report(spec, results_of(spec, ok(step.id, step.model.id, 4.0)), finished=True)
    return publish(results, report)


def test_last_report_of_each_host_is_shown(tmp_path: Path) -> None:
    file = write_report(tmp_path)
    done = nobs_report("--results", str(tmp_path))

    assert done.returncode == 0
    assert "embeddings-quick/1 (closed), score 900.00" in done.stdout
    assert done.stdout.endswith(f"report     {file}\n")


def test_several_reports_stand_side_by_side(tmp_path: Path) -> None:
    for speed in (1.0, 2.0):
        publish(tmp_path, make_report(f"host {speed}", run=f"{speed}", speed=speed))
    done = nobs_report("--results", str(tmp_path), "--all")

    assert done.returncode == 0
    assert done.stdout.index("host 2.0") < done.stdout.index("host 1.0")


def test_this_host_is_shown_against_the_best_on_one_screen(tmp_path: Path) -> None:
    machine = LocalMachine()
    own = host(machine, identify(machine))
    shutil.copytree(REPO / "results", tmp_path, dirs_exist_ok=True)
    file = publish(tmp_path, make_report(own, run="own"))
    publish(tmp_path, make_report("host 2", run="best", speed=2.0, gpu="A big GPU"))
    done = nobs_report("--results", str(tmp_path))
    lines = done.stdout.splitlines()

    assert done.returncode == 0
    assert any(line.split()[1:] == OWN_LINE for line in lines), done.stdout
    assert len(lines) <= 30
    assert max(map(len, lines[:-1])) <= 80
    assert lines[-2:] == [
        "All machines, with CIs: nobs report --all", f"This host in full: nobs report {file}",
    ]  # fmt: skip


def test_a_host_without_a_report_sees_the_best_of_each_workload(tmp_path: Path) -> None:
    for speed in (1.0, 2.0):
        gpu = f"GPU {speed}"
        publish(tmp_path, make_report(f"host {speed}", run=f"{speed}", speed=speed, gpu=gpu))
    done = nobs_report("--results", str(tmp_path))

    assert done.returncode == 0
    assert done.stdout.startswith("The best of 2 reports")
    assert "GPU 2.0" in done.stdout
    assert "GPU 1.0" not in done.stdout
    assert "this host" not in done.stdout


def test_other_formats_hold_every_machine(tmp_path: Path) -> None:
    for speed in (1.0, 2.0):
        publish(tmp_path, make_report(f"host {speed}", run=f"{speed}", speed=speed))

    for form in ("csv", "json", "html", "markdown"):
        shown = nobs_report("--results", str(tmp_path), "--format", form).stdout
        assert ("host 1.0" in shown, "host 2.0" in shown) == (True, True), form


def test_json_holds_the_exact_figures(tmp_path: Path) -> None:
    file = write_report(tmp_path)
    (table,) = json.loads(nobs_report("--json", str(file)).stdout)["tables"]

    assert table["workload"] == "embeddings-quick/1"
    assert table["rows"][0]["figures"]["time_s"]["value"] == 4.0


def test_output_goes_to_the_named_file(tmp_path: Path) -> None:
    write_report(tmp_path)
    output = tmp_path / "board.md"
    done = nobs_report("--results", str(tmp_path), "--format", "markdown", "-o", str(output))

    assert (done.returncode, done.stdout) == (0, "")
    assert output.read_text().startswith("## embeddings-quick/1 (closed)\n")


def test_an_output_that_can_not_be_written_is_named_with_its_remedy(tmp_path: Path) -> None:
    write_report(tmp_path)
    done = nobs_report("--results", str(tmp_path), "-o", str(tmp_path / "none" / "board.txt"))

    assert done.returncode == 3
    assert "none/board.txt: No such file or directory. Name a file in a dir" in done.stderr


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names")
def test_an_output_that_is_no_file_is_written_to_and_stays(tmp_path: Path) -> None:
    write_report(tmp_path)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen(["cat", pipe], stdout=subprocess.PIPE, text=True) as reader:
        done = nobs_report("--results", str(tmp_path), "-o", str(pipe))
        shown, _ = reader.communicate(timeout=60)

    assert (done.returncode, done.stdout) == (0, "")
    assert "embeddings-quick/1 (closed)" in shown
    assert pipe.is_fifo()


def test_a_broken_report_among_good_ones_is_named_and_skipped(tmp_path: Path) -> None:
    publish(tmp_path, make_report("good"))
    (tmp_path / "report_bad.json").write_text("{")
    future = make_report("future").model_dump_json(by_alias=True)
    (tmp_path / "report_next.json").write_text(future.replace("nobs.report/1", "nobs.report/2"))
    done = nobs_report("--results", str(tmp_path), "--format", "markdown")

    assert done.returncode == 1
    assert "good" in done.stdout
    assert "future" not in done.stdout
    assert [name in done.stderr for name in ("report_bad.json", "report_next.json")] == [True] * 2
    assert done.stderr.count("skipped") == 2


def test_no_report_names_the_remedy(tmp_path: Path) -> None:
    done = nobs_report("--results", str(tmp_path))

    assert (done.returncode, done.stdout) == (3, "")
    assert "nobs run" in done.stderr


def test_damaged_report_is_one_paragraph_that_names_the_place(tmp_path: Path) -> None:
    file = write_report(tmp_path)
    file.write_text(file.read_text().replace('"ram_gb": 1.0', '"ram_gb": "much"'))
    done = nobs_report(str(file))

    assert done.returncode == 3
    assert "device_info.ram_gb" in done.stderr
    assert done.stderr.count("\n\n") == 0


def test_prices_add_costs_without_a_new_run(tmp_path: Path) -> None:
    file = publish(tmp_path, make_report("host 1", run="1", speed=1.0))
    before = file.read_bytes()
    done = nobs_report("--results", str(tmp_path), "--price", "host 1=2.49/h")

    assert done.returncode == 0
    assert "embeddings/1 (closed): cost" in done.stdout
    assert "$2.49 per hour (--price)" in done.stdout
    assert file.read_bytes() == before


def test_price_wins_over_the_price_file(tmp_path: Path) -> None:
    publish(tmp_path, make_report("host 1", run="1", speed=1.0))
    prices = tmp_path / "prices.csv"
    prices.write_text("host,usd_per_hour\nhost 1,9\nother,1\n", encoding="utf-8")
    named = ("--results", str(tmp_path), "--prices", str(prices), "-f", "csv")

    assert "$9 per hour (prices.csv, line 2)" in nobs_report(*named).stdout
    assert "$1 per hour (--price)" in nobs_report(*named, "--price", "host 1=1/h").stdout


def test_a_price_of_an_unknown_host_is_a_usage_error(tmp_path: Path) -> None:
    publish(tmp_path, make_report("host 1", run="1", speed=1.0))
    done = nobs_report("--results", str(tmp_path), "--price", "host 2=2.49/h")

    assert done.returncode == 2
    assert "no report is of host 2. The machines are host 1." in done.stderr
    ranked = run_nobs("rank", "--results", str(tmp_path), "--price", "host 2=2.49/h", cwd=REPO)
    assert (ranked.returncode, done.stderr) == (2, ranked.stderr)


def test_the_price_of_a_machine_is_that_of_its_devices_at_once(tmp_path: Path) -> None:
    for report in machine_at_once(1.0, 1.0, 0.7):
        publish(tmp_path, report)
    price = ("--results", str(tmp_path), "--price", "a host=7.2/h")
    done = nobs_report(*price)
    shown = " ".join(done.stdout.split())
    ranked = run_nobs("rank", *price, "--by", "money", cwd=REPO)

    assert done.returncode == 0
    assert "cuda:2 stands out" in shown
    assert "3 devices at once: $0.0215 per 1,000 rows" in shown
    assert "Without a cost: a host cuda:0, a host cuda:1 and a host cuda:2." in shown
    assert ranked.returncode == 0
    assert "all devices at once" in ranked.stdout
    assert "The price of a host is for the whole machine" in ranked.stderr
