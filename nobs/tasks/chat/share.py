"""`--share I/N` and `--start-at TIME` as written on the command line."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from nobs.errors import UsageError
from nobs.schema.share import MAX_CLIENTS
from nobs.units import format_seconds

MAX_AHEAD = timedelta(hours=24)
_SHARE = re.compile(r"(\d{1,4})/(\d{1,4})")
_AUTO = re.compile(r"auto(?:/(\d{1,4}))?")
_AFTER = re.compile(r"\+(\d{1,6})(s|m|h)?")
_UNITS = {"s": 1, "m": 60, "h": 3600}
_INDEX, _COUNT, _POD = "SLURM_PROCID", "SLURM_NTASKS", "JOB_COMPLETION_INDEX"
JOB_BEGAN = "NOBS_JOB_BEGAN"
"""Variable with the seconds since 1970 at which a job of several clients began."""
_TIMES = "Write ISO 8601 with a zone as in 2027-01-31T12:00:00Z, +90s, or seconds since 1970."


def parse_share(text: str, variables: Mapping[str, str]) -> tuple[int, int]:
    """Return index and number of clients in `text`; `auto` takes them from `variables`."""
    if auto := _AUTO.fullmatch(text.strip()):
        return _checked(text, *_from_variables(text, auto[1], variables))
    if found := _SHARE.fullmatch(text.strip()):
        return _checked(text, int(found[1]), int(found[2]))
    raise UsageError(
        f"--share {text!r} isn't a share.",
        "Write I/N, as in 0/3 for the first of three clients, or auto.",
    )


def _checked(text: str, index: int, count: int) -> tuple[int, int]:
    if not 0 < count <= MAX_CLIENTS:
        raise UsageError(
            f"--share {text}: the number of clients is {count}.",
            f"Give one from 1 to {MAX_CLIENTS}.",
        )
    if index >= count:
        raise UsageError(
            f"--share {text}: the client {index} isn't one of {count}, which are numbered from 0.",
            f"Give one from 0/{count} to {count - 1}/{count}.",
        )
    return index, count


def _from_variables(text: str, named: str | None, variables: Mapping[str, str]) -> tuple[int, int]:
    """Return index and number of a Slurm task or a pod of an Indexed Job."""
    index, count = variables.get(_INDEX, ""), named or variables.get(_COUNT, "")
    if not index:
        index, count = variables.get(_POD, ""), named or ""
    if index.isdecimal() and count.isdecimal():
        return int(index), int(count)
    missing = f"the number of clients isn't known ({_POD} is {index})" if index else (
        f"neither {_INDEX} nor {_POD} is set")  # fmt: skip
    raise UsageError(
        f"--share {text}: {missing}.",
        "Start it with srun, or in an Indexed Job with --share auto/N; or give --share I/N.",
    )


def parse_start(text: str, now: datetime, variables: Mapping[str, str] | None = None) -> datetime:
    """Return the time in `text`; UsageError if it isn't one, is past or more than a day ahead.

    In a job that NOBS exported, delays count from its begin, which is in `variables`.
    """
    clean = text.strip()
    if after := _AFTER.fullmatch(clean):
        began = (variables or {}).get(JOB_BEGAN, "")
        begin = datetime.fromtimestamp(int(began), UTC) if re.fullmatch(r"\d{9,10}", began) else now
        start = begin + timedelta(seconds=int(after[1]) * _UNITS[after[2] or "s"])
    elif re.fullmatch(r"\d{9,10}(\.\d{1,6})?", clean):
        start = datetime.fromtimestamp(float(clean), UTC)
    else:
        try:
            start = datetime.fromisoformat(clean)
        except ValueError:
            raise UsageError(f"--start-at {text!r} isn't a time.", _TIMES) from None
        if start.tzinfo is None:
            raise UsageError(f"--start-at {text!r} has no time zone.", _TIMES)
    ahead = start - now
    if ahead < timedelta(0):
        past = format_seconds(-ahead.total_seconds())
        raise UsageError(
            f"--start-at {text}: that was {past} ago, by this clock.",
            "Give a time that all clients reach, after their repeats.",
        )
    if ahead > MAX_AHEAD:
        raise UsageError(
            f"--start-at {text}: that is {ahead.total_seconds() / 3600:.1f} hours ahead.",
            f"Give one within {MAX_AHEAD.total_seconds() / 3600:.0f} hours.",
        )
    return start.astimezone(UTC)
