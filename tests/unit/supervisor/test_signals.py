import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from nobs.supervisor.signals import stop_on_signals


def test_first_signal_stops_and_later_ones_are_ignored() -> None:
    with stop_on_signals():
        with pytest.raises(KeyboardInterrupt, match="SIGTERM"):
            os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGTERM)


def test_handlers_are_what_they_were_afterwards() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with stop_on_signals():
        pass

    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="Windows has no SIGHUP")
def test_what_nohup_ignores_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with stop_on_signals():
        os.kill(os.getpid(), signal.SIGHUP)
    signal.signal(signal.SIGHUP, before)


INTERRUPTED = """
import sys
from nobs.supervisor.signals import stop_on_signals
try:
    with stop_on_signals():
        exec("import os, signal; os.kill(os.getpid(), signal.SIGTERM)")
except KeyboardInterrupt:
    sys.exit(130)
"""


def test_an_interrupt_within_an_exec_leaves_the_exit_code_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "interrupted.py").write_text(INTERRUPTED)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), *sys.path]))
    done = subprocess.run([sys.executable, "-m", "interrupted"], check=False, timeout=60)

    assert done.returncode == 130
