import subprocess
import sys
from pathlib import Path

from nobs.store import publish
from nobs.supervisor.merge import build_report
from tests.unit.supervisor.test_merge import make_spec, ok, results_of


def nobs_report(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "nobs", "report", *arguments], capture_output=True, text=True,
        check=False, timeout=60,
    )  # fmt: skip


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


def test_json_is_the_file_itself(tmp_path: Path) -> None:
    file = write_report(tmp_path)

    assert nobs_report("--json", str(file)).stdout == file.read_text()


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
