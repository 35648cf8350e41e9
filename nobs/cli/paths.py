"""Paths on the command line."""

import os
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from nobs.user import expand, expand_home


class UserPath(click.Path):
    """A path that expands `~`, and in environment variables `$NAME`, too.

    No shell expands `.env`, bash doesn't expand `--results=~/x`, and PowerShell no `~`. `$` on the
    command line stays: the shell has expanded it already.
    """

    def __init__(self, *, dir_okay: bool = True, file_okay: bool = True) -> None:
        super().__init__(path_type=Path, dir_okay=dir_okay, file_okay=file_okay)

    def convert(
        self,
        value: Any,  # noqa: ANN401 - click's signature
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Any:  # noqa: ANN401 - click's signature
        """Return the path; a usage error if `~` or `$NAME` can't be resolved."""
        source = ctx.get_parameter_source(str(param.name)) if ctx and param else None
        if isinstance(value, str) and param and source is ParameterSource.ENVIRONMENT:
            value = expand(value, str(param.envvar))
        elif isinstance(value, str) and not _is_there(value, param):
            value = expand_home(value, param.opts[0] if param else "the path")
        return super().convert(value, param, ctx)


def _is_there(value: str, param: click.Parameter | None) -> bool:
    # A file may really begin with `~`.
    return isinstance(param, click.Argument) and os.path.exists(value)  # noqa: PTH110 - never raises
