"""From the options of a load to its parameters; UsageError for those without effect."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from nobs.errors import UsageError
from nobs.schema.share import SLOT_S, Share
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
from nobs.tasks.chat.share import parse_share, parse_start


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
