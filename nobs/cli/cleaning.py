"""Cleaning with or without an engine."""

from collections.abc import Iterator
from contextlib import closing, nullcontext
from datetime import timedelta
from pathlib import Path

import click

from nobs.errors import EngineError
from nobs.launch.engine.client import Engine, connect
from nobs.launch.run.cleaning import clean_images, clean_leftovers, clean_runs


def clean(results: Path, days: float | None) -> Iterator[str]:
    """Remove what can be; yield what was removed."""
    engine = _find_engine()
    with closing(engine) if engine is not None else nullcontext():
        yield from clean_leftovers(results, engine)
        if engine is not None:
            yield from clean_images(engine)
        if days is not None:
            yield from clean_runs(results, engine, timedelta(days=days))


def _find_engine() -> Engine | None:
    try:
        return connect()
    except EngineError as error:
        click.echo(f"without an engine: {error.message}", err=True)
        return None
