"""The options that commands share, each declared once and handed over in bundles."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import wraps
from pathlib import Path
from typing import Any

import click

from semantest_iac.presentation.cli.session import (
    DEFAULT_HOME,
    ConfigurationOptions,
    MultiStackSelector,
    Session,
    StackSelector,
)
from semantest_iac.presentation.cli.terminal import CliContext

CommandFunction = Callable[..., Any]

PATH_TYPE = click.Path(path_type=Path)


@dataclass(frozen=True, slots=True)
class _SessionOptions:
    home: Path
    json: bool


def _bundle_options(
    argument: str, bundle: Callable[..., Any], kind: type, *options: Any
) -> Callable[[CommandFunction], CommandFunction]:
    names = [field.name for field in fields(kind)]

    def decorate(command: CommandFunction) -> CommandFunction:
        @wraps(command)
        def gathering(**given: Any) -> Any:
            given[argument] = bundle(**{name: given.pop(name) for name in names})
            return command(**given)

        decorated: CommandFunction = gathering
        for option in reversed(options):
            decorated = option(decorated)
        return decorated

    return decorate


def _create_session(home: Path, json: bool) -> Session:
    outside = click.get_current_context().find_object(CliContext)
    assert outside is not None  # noqa: S101  # run() passes one
    return Session(outside.application_at(home), outside.terminal, json)


_ENVIRONMENT_OPTION = click.option(
    "--env", "--environment", "environment", metavar="NAME", help="development (default), qa, staging …"
)
_COMPONENT_OPTION = click.option("--component", metavar="NAME", help="Such as rest-api.")
_LOCATION_OPTIONS = (
    click.option("--provider", metavar="NAME", help="aws or azure; aws unless the configuration says otherwise."),
    _ENVIRONMENT_OPTION,
    click.option("--region", metavar="NAME", help="Such as us-east-1, the default on aws."),
)
_MULTI_STACK_OPTIONS = (
    click.option("--component", multiple=True, metavar="NAME", help="Such as rest-api; all for every one."),
    click.option("--provider", multiple=True, metavar="NAME", help="aws or azure; both, for a stack on each."),
    _ENVIRONMENT_OPTION,
    click.option("--region", multiple=True, metavar="NAME", help="Such as us-east-1; several, for a stack in each."),
)
_FILTER_OPTIONS = (
    click.option("--component", metavar="NAME", help="One component alone, such as rest-api."),
    click.option("--provider", metavar="NAME", help="One cloud alone: aws or azure."),
    click.option("--env", "--environment", "environment", metavar="NAME", help="One environment alone."),
    click.option("--region", metavar="NAME", help="One region alone."),
)

stack_options = _bundle_options("words", StackSelector, StackSelector, _COMPONENT_OPTION, *_LOCATION_OPTIONS)
"""`words`: all four parts of a stack's name as options."""

filter_options = _bundle_options("words", StackSelector, StackSelector, *_FILTER_OPTIONS)
"""`words`: the same, to leave out what does not match; who says none means all."""

many_stacks_options = _bundle_options("words", MultiStackSelector, MultiStackSelector, *_MULTI_STACK_OPTIONS)
"""`words`: the same, each but the environment as often as there are stacks."""

service_options = _bundle_options(
    "words", StackSelector, StackSelector, click.argument("component"), *_LOCATION_OPTIONS
)
"""`words`, with the component as an argument."""

configuration_options = _bundle_options(
    "written",
    ConfigurationOptions,
    ConfigurationOptions,
    click.option(
        "--config", type=PATH_TYPE, metavar="PATH", help="Instead of semantest.yaml and semantest.<env>.yaml."
    ),
    click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="components.rest-api.memory=1024"),
    click.option("--engine", metavar="NAME", help="sandbox or pulumi; sandbox in development, pulumi elsewhere."),
    click.option("--cloud", metavar="NAME", help="sandbox: the engine's clouds are simulated here; or real."),
)
"""`written`: where the configuration is."""

session_options = _bundle_options(
    "session",
    _create_session,
    _SessionOptions,
    click.option(
        "--home",
        type=PATH_TYPE,
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
