"""From the options of a load to its parameters; UsageError for what is wrong or has no effect."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from nobs.errors import UsageError
from nobs.schema.share import MAX_CLIENTS, SLOT_S, Share
from nobs.tasks.chat.options import (
    ARRIVALS,
    CONCURRENCY,
    LOAD,
    RATE,
    SHARE,
    SHARES,
    SLO,
    SLOT,
    START_AT,
    SWEEP,
)
from nobs.tasks.chat.promise import parse_promise
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


def load_of(
    options: Mapping[str, Any], variables: Mapping[str, str], now: datetime
) -> dict[str, Any]:
    """Return the fields of LoadParams that `options` set; empty without a load.

    `variables` are those of the environment, for `--share auto`.
    """
    if ARRIVALS.name in options and RATE.name not in options:
        raise UsageError(
            "--arrivals has no effect without --rate.",
            "Add rates, as in --rate 0.5,1,2, or remove --arrivals.",
        )
    load = {option.name: options[option.name] for option in LOAD if option.name in options}
    given = {option.name: load.pop(option.name) for option in SHARES if option.name in load}
    if given:
        load["share"] = _share_of(given, load, variables, now)
    if RATE.name in load:
        load["rates_per_s"] = load.pop(RATE.name)
    if SLO.name in load:
        load["slo"] = parse_promise(load.pop(SLO.name))
    return load


def _share_of(
    given: Mapping[str, Any], load: Mapping[str, Any], variables: Mapping[str, str], now: datetime
) -> dict[str, Any]:
    if START_AT.name not in given:
        names = " and ".join(option.flag for option in SHARES if option.name in given)
        raise UsageError(
            f"{names} {'has' if len(given) == 1 else 'have'} no effect without --start-at.",
            "Give each client --share I/N and the same --start-at.",
        )
    searches = [option.flag for option in (SWEEP, SLO) if load.get(option.name)]
    if searches:
        raise UsageError(
            f"{searches[0]} can't be combined with --start-at: it chooses levels by what one"
            " client measures.",
            "Give fixed levels with --concurrency or --rate.",
        )
    if not load.get(CONCURRENCY.name) and not load.get(RATE.name):
        raise UsageError(
            "--start-at has no effect without load levels.",
            "Add --concurrency 8,16, or --rate 2,4.",
        )
    index, count = parse_share(given.get(SHARE.name, "0/1"), variables)
    start = parse_start(given[START_AT.name], now, variables)
    slot_s = given.get(SLOT.name, SLOT_S)
    return Share(index=index, count=count, start=start, slot_s=slot_s).model_dump()
