"""Processes of this machine: found by command line or port, and the CPU time that they used."""

from contextlib import suppress

import psutil


def find_process(*arguments: str) -> psutil.Process | None:
    """Return this user's process whose command line ends in `arguments`, None if there is none."""
    for process in psutil.process_iter(["cmdline", "status"]):
        command = process.info["cmdline"] or []
        if tuple(command[-len(arguments) :]) == arguments and process.info["status"] != "zombie":
            return process
    return None


def find_listener(port: int) -> psutil.Process | None:
    """Return the process that listens on a TCP port, None if there is none or it isn't seen."""
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            found = process.net_connections("tcp")
            if any(each.status == psutil.CONN_LISTEN and each.laddr.port == port for each in found):
                return process
    return None


def cpu_time_of_family(process: psutil.Process) -> float:
    """Return the CPU seconds of a process and its descendants; psutil.Error if it is gone."""
    total_s = _cpu_time(process)
    for child in process.children(recursive=True):
        with suppress(psutil.Error):
            total_s += _cpu_time(child)
    return total_s


def _cpu_time(process: psutil.Process) -> float:
    """Return user and system seconds of a process and of its children that have ended."""
    times = process.cpu_times()
    return float(times.user + times.system + times.children_user + times.children_system)
