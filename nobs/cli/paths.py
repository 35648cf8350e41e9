"""Paths on the command line."""

import os
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from nobs.user import expand


class UserPath(click.Path):
    """A path in which `~` and `$NAME` mean the same wherever it comes from.

    `.env` is read by no shell, bash leaves `--results=~/x` alone, and PowerShell every `~`. A file
    that exists under its literal name is itself: a shell has expanded it already.
    """

    def __init__(self, *, dir_okay: bool = True, file_okay: bool = True) -> None:
        super().__init__(path_type=Path, dir_okay=dir_okay, file_okay=file_okay)

    def convert(
        self,
        value: Any,  # noqa: ANN401 - click's signature
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Any:  # noqa: ANN401 - click's signature
        """Return the path; a usage error where `~` or `$NAME` can't be resolved."""
        literal = isinstance(param, click.Argument) and os.path.exists(value)  # noqa: PTH110
        if isinstance(value, str) and not literal:
            value = expand(value, _name_of(param, ctx))
        return super().convert(value, param, ctx)


def _name_of(param: click.Parameter | None, ctx: click.Context | None) -> str:
    """Return where the value was written: the variable, the option or the argument."""
    if param is None:
        return "the path"
    source = ctx.get_parameter_source(str(param.name)) if ctx else None
    if source is ParameterSource.ENVIRONMENT:
        return str(param.envvar)
    return param.opts[0] if isinstance(param, click.Option) else param.human_readable_name
