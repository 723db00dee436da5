"""The options that commands share, each declared once and handed over in bundles."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import wraps
from pathlib import Path
from typing import Any

import click

from semantest_iac.presentation.cli.outside import Outside
from semantest_iac.presentation.cli.session import DEFAULT_HOME, Session
from semantest_iac.presentation.cli.words import ConfigurationOptions, ManyWords, Words

Command = Callable[..., Any]

PATH = click.Path(path_type=Path)


@dataclass(frozen=True, slots=True)
class _Face:
    home: Path
    json: bool


def _gathered(argument: str, bundle: Callable[..., Any], kind: type, *options: Any) -> Callable[[Command], Command]:
    names = [field.name for field in fields(kind)]

    def decorate(command: Command) -> Command:
        @wraps(command)
        def gathering(**given: Any) -> Any:
            given[argument] = bundle(**{name: given.pop(name) for name in names})
            return command(**given)

        decorated: Command = gathering
        for option in reversed(options):
            decorated = option(decorated)
        return decorated

    return decorate


def _session(home: Path, json: bool) -> Session:
    outside = click.get_current_context().find_object(Outside)
    assert outside is not None  # noqa: S101  # run() passes one
    return Session(outside.application_at(home), outside.terminal, json)


_ENVIRONMENT = click.option(
    "--env", "--environment", "environment", metavar="NAME", help="development (default), qa, staging …"
)
_COMPONENT = click.option("--component", metavar="NAME", help="Such as rest-api.")
_PLACE = (
    click.option("--provider", metavar="NAME", help="aws or azure; aws unless the configuration says otherwise."),
    _ENVIRONMENT,
    click.option("--region", metavar="NAME", help="Such as us-east-1, the default on aws."),
)
_SEVERAL = (
    click.option("--component", multiple=True, metavar="NAME", help="Such as rest-api; all for every one."),
    click.option("--provider", multiple=True, metavar="NAME", help="aws or azure; both, for a stack on each."),
    _ENVIRONMENT,
    click.option("--region", multiple=True, metavar="NAME", help="Such as us-east-1; several, for a stack in each."),
)
_AMONG = (
    click.option("--component", metavar="NAME", help="One component alone, such as rest-api."),
    click.option("--provider", metavar="NAME", help="One cloud alone: aws or azure."),
    click.option("--env", "--environment", "environment", metavar="NAME", help="One environment alone."),
    click.option("--region", metavar="NAME", help="One region alone."),
)

stack_options = _gathered("words", Words, Words, _COMPONENT, *_PLACE)
"""`words`: all four parts of a stack's name as options."""

filter_options = _gathered("words", Words, Words, *_AMONG)
"""`words`: the same, to leave out what does not match; who says none means all."""

many_stacks_options = _gathered("words", ManyWords, ManyWords, *_SEVERAL)
"""`words`: the same, each but the environment as often as there are stacks."""

service_options = _gathered("words", Words, Words, click.argument("component"), *_PLACE)
"""`words`, with the component as an argument."""

configuration_options = _gathered(
    "written",
    ConfigurationOptions,
    ConfigurationOptions,
    click.option("--config", type=PATH, metavar="PATH", help="Instead of semantest.yaml and semantest.<env>.yaml."),
    click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="components.rest-api.memory=1024"),
    click.option("--engine", metavar="NAME", help="sandbox or pulumi; sandbox in development, pulumi elsewhere."),
    click.option("--cloud", metavar="NAME", help="sandbox: the engine's clouds are simulated here; or real."),
)
"""`written`: where the configuration is."""

session_options = _gathered(
    "session",
    _session,
    _Face,
    click.option(
        "--home",
        type=PATH,
        envvar="SEMANTEST_HOME",
        default=DEFAULT_HOME,
        show_default=True,
        show_envvar=True,
        metavar="PATH",
        help="Ledger, packages and sandbox.",
    ),
    click.option("--json", "json", is_flag=True, help="JSON on stdout, and nothing else there."),
    click.option("--debug", is_flag=True, expose_value=False, help="Show where an error comes from."),  # see run()
)
"""`session`: the application under a home, and how to answer."""
