"""Makes docs/reference/settings.md from options, backends and the defaults of the settings."""

from collections.abc import Iterator

import click

from nobs import settings
from nobs.backends import BACKENDS
from nobs.cli import COMMANDS
from nobs.runner.environment import VARIABLES
from tools import docs_cli
from tools.pages import fill, table


def page() -> str:
    """Return the whole page."""
    passed = {name: BACKENDS.load(name).passed_environment for name in BACKENDS}
    elsewhere = {variable for variables in passed.values() for variable in variables}
    return fill(
        "settings",
        {
            "options": table("variable|option|default|meaning", _options()),
            "llm_base_url": f"`{settings.DEFAULT_LLM_BASE_URL}`",
            "llm_model_name": f"`{settings.DEFAULT_LLM_MODEL_NAME}`",
            "passed": table(
                "backend|variables", ((f"`{name}`", _names(passed[name])) for name in passed)
            ),
            "recorded": _names(name for name in VARIABLES if name not in elsewhere),
        },
    )


def _options() -> Iterator[tuple[str, ...]]:
    """Yield a row for each variable that gives an option its value, as its first command says."""
    seen = set()
    for command in ("run", *COMMANDS):
        for option in docs_cli.load(command).params:
            variable = option.envvar
            if isinstance(option, click.Option) and variable and variable not in seen:
                seen.add(variable)
                meaning, default = docs_cli.meaning_of(option)
                yield f"`{variable}`", f"`{option.opts[0]}`", default, meaning


def _names(variables: Iterator[str] | tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in variables)
