"""The options that commands share; each group reaches the command as one argument."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from inspect import signature
from pathlib import Path
from typing import Any, NamedTuple

import click

from semantest_iac.domain.environments.names import Environment
from semantest_iac.domain.guardrails.engine_choice import choose_engine
from semantest_iac.presentation.cli.home_folder import find_writing_fault, require_readable_home
from semantest_iac.presentation.cli.parsing.completion import (
    complete_with,
    find_all_word,
    find_cloud_kinds,
    find_deployable_components,
    find_engine_names,
    find_environment_names,
    find_provider_names,
    find_recorded_components,
    find_region_names,
    find_stack_names,
)
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

_BUNDLES = "__option_bundles__"
_DEFAULT_ENVIRONMENTS = (Environment.DEVELOPMENT, Environment.PRODUCTION)


class _Bundle(NamedTuple):
    """Options that reach a command as one argument."""

    argument: str
    build: Callable[..., Any]
    options: tuple[str, ...]


def _bundle_options(
    argument: str, build: Callable[..., Any], *options: Any
) -> Callable[[CommandFunction], CommandFunction]:
    """Declare the options, and replace their values by `argument`: what `build` makes of those that it takes."""
    bundle = _Bundle(argument, build, tuple(signature(build).parameters))

    def decorate(command: CommandFunction) -> CommandFunction:
        decorated = command if hasattr(command, _BUNDLES) else _build_bundles(command)
        getattr(decorated, _BUNDLES).append(bundle)
        for option in reversed(options):
            decorated = option(decorated)
        return decorated

    return decorate


def _build_bundles(command: CommandFunction) -> CommandFunction:
    """Wrap a command once, however many groups of options it has."""
    bundles: list[_Bundle] = []

    @wraps(command)
    def call_with_bundles(**given: Any) -> Any:
        for bundle in bundles:
            given[bundle.argument] = bundle.build(**{name: given.pop(name) for name in bundle.options})
        return command(**given)

    setattr(call_with_bundles, _BUNDLES, bundles)
    return call_with_bundles


def _create_session(home: Path, json: bool) -> Session:
    session = _create_unchecked_session(home, json)
    require_readable_home(session.application.home)
    return session


@contextmanager
def use_home_or_temporary(session: Session) -> Iterator[Session]:
    """Yield the session, or where no home is and none can be made, one with an empty home for the block."""
    home = session.application.home
    if home.exists() or not find_writing_fault(home):
        yield session
        return
    from tempfile import TemporaryDirectory

    with TemporaryDirectory(prefix="semantest-") as folder:
        yield _create_unchecked_session(Path(folder), session.json)


def _create_unchecked_session(home: Path, json: bool) -> Session:
    context = click.get_current_context().find_object(CliContext)
    assert context is not None  # noqa: S101  # run_cli() passes one
    application = context.application_at(home)
    context.terminal.redact_by_default(application.redactor_of_folder)
    return Session(application, context.terminal, json, context.arguments)


_DEPLOYED = complete_with(find_recorded_components, find_stack_names)
_DEPLOYABLE = complete_with(find_stack_names, find_recorded_components, find_all_word, find_deployable_components)
_CONFIGURED = complete_with(find_stack_names, find_deployable_components)
_PROVIDERS, _REGIONS = complete_with(find_provider_names), complete_with(find_region_names)
_ENVIRONMENTS = complete_with(find_environment_names)

_ENVIRONMENT_OPTION = click.option(
    "--env",
    "--environment",
    "environment",
    metavar="NAME",
    shell_complete=_ENVIRONMENTS,
    help="development (default), qa, staging, production, or one of the file's own.",
)
_STACK_ARGUMENT = click.argument("named", required=False, metavar="[COMPONENT]", shell_complete=_CONFIGURED)
_COMPONENT_OPTION = click.option(
    "--component",
    metavar="NAME",
    shell_complete=_CONFIGURED,
    help="Name of the component, such as rest-api; the same as COMPONENT.",
)
_LOCATION_OPTIONS = (
    click.option(
        "--provider",
        metavar="NAME",
        shell_complete=_PROVIDERS,
        help="aws or azure. Default: from the configuration, else aws.",
    ),
    _ENVIRONMENT_OPTION,
    click.option(
        "--region", metavar="NAME", shell_complete=_REGIONS, help="Default: us-east-1 on aws, eastus on azure."
    ),
)
_MULTI_STACK_OPTIONS = (
    click.argument("named", nargs=-1, metavar="[COMPONENT]...", shell_complete=_DEPLOYABLE),
    click.option(
        "--component",
        multiple=True,
        metavar="NAME",
        shell_complete=_DEPLOYABLE,
        help="The same as COMPONENT; all for every one.",
    ),
    click.option(
        "--provider",
        multiple=True,
        metavar="NAME",
        shell_complete=_PROVIDERS,
        help="aws or azure. Can be repeated.",
    ),
    _ENVIRONMENT_OPTION,
    click.option(
        "--region",
        multiple=True,
        metavar="NAME",
        shell_complete=_REGIONS,
        help="Such as us-east-1. Can be repeated.",
    ),
)
_FILTER_OPTIONS = (
    click.argument("named", required=False, metavar="[COMPONENT]", shell_complete=_DEPLOYED),
    click.option(
        "--component", metavar="NAME", shell_complete=_DEPLOYED, help="Only this component, such as rest-api."
    ),
    click.option("--provider", metavar="NAME", shell_complete=_PROVIDERS, help="Only this provider: aws or azure."),
    click.option(
        "--env",
        "--environment",
        "environment",
        metavar="NAME",
        shell_complete=_ENVIRONMENTS,
        help="Only this environment.",
    ),
    click.option("--region", metavar="NAME", shell_complete=_REGIONS, help="Only this region."),
)


def _select_named(named: str, provider: str | None, environment: str | None, region: str | None) -> StackSelector:
    return StackSelector.from_words(named, None, provider, environment, region)


stack_options = _bundle_options(
    "selector", StackSelector.from_words, _STACK_ARGUMENT, _COMPONENT_OPTION, *_LOCATION_OPTIONS
)
"""`selector`: one stack, by the name of its component or its own."""

filter_options = _bundle_options("selector", StackSelector.from_words, *_FILTER_OPTIONS)
"""`selector`: all recorded stacks that match."""


def _select_place(
    component: str | None, provider: str | None, environment: str | None, region: str | None
) -> StackSelector:
    return StackSelector.from_words(None, component, provider, environment, region)


place_options = _bundle_options("selector", _select_place, *_FILTER_OPTIONS[1:])
"""`selector`: all recorded stacks that match, of commands whose arguments are something else."""

many_stacks_options = _bundle_options("selector", MultiStackSelector.from_words, *_MULTI_STACK_OPTIONS)
"""`selector`: one or more stacks."""


def _select_by_options(
    component: tuple[str, ...], provider: tuple[str, ...], environment: str | None, region: tuple[str, ...]
) -> MultiStackSelector:
    return MultiStackSelector.from_words((), component, provider, environment, region)


several_stacks_options = _bundle_options("selector", _select_by_options, *_MULTI_STACK_OPTIONS[1:])
"""`selector`: one or more stacks, of commands whose arguments are something else."""

service_options = _bundle_options(
    "selector",
    _select_named,
    click.argument("named", metavar="COMPONENT", shell_complete=_DEPLOYED),
    *_LOCATION_OPTIONS,
)
"""`selector`: one stack, whose component must be named before other arguments."""


class _EngineOption(click.Option):
    """An option whose help lists the engines of the registry, read only when help is shown."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        context = ctx.find_object(CliContext)
        if context is not None:
            self.help = describe_engines(context.application_at(Path(DEFAULT_HOME)).engines)
        return super().get_help_record(ctx)


def describe_engines(engines: Collection[str]) -> str:
    """Return the names of the engines and where each is the default."""
    in_development, elsewhere = (choose_engine(environment).engine for environment in _DEFAULT_ENVIRONMENTS)
    notes = {in_development: " (default in development)", elsewhere: " (default elsewhere)"}
    return " or ".join(name + notes.get(name, "") for name in engines) + "."


_FILE_OPTIONS = (
    click.option(
        "--config", type=PATH_TYPE, metavar="PATH", help="Read this file, not semantest.yaml and semantest.<env>.yaml."
    ),
    click.option(
        "--set",
        "overrides",
        multiple=True,
        metavar="KEY=VALUE",
        help="Override a value: components.rest-api.memory=1024. Can be repeated.",
    ),
)
_ENGINE_OPTIONS = (
    click.option(
        "--engine",
        cls=_EngineOption,
        metavar="NAME",
        shell_complete=complete_with(find_engine_names),
        help="The engine that deploys.",
    ),
    click.option(
        "--cloud",
        metavar="NAME",
        shell_complete=complete_with(find_cloud_kinds),
        help="real, or sandbox to simulate the cloud on this machine.",
    ),
)


def _without_engine(config: Path | None, overrides: tuple[str, ...]) -> ConfigurationOptions:
    return ConfigurationOptions(config, overrides)


def _with_engine(
    config: Path | None, overrides: tuple[str, ...], engine: str | None, cloud: str | None
) -> ConfigurationOptions:
    return ConfigurationOptions(config, overrides, engine, cloud)


file_options = _bundle_options("options", _without_engine, *_FILE_OPTIONS)
"""`options` of commands for which it does not matter which engine deploys."""

configuration_options = _bundle_options("options", _with_engine, *_FILE_OPTIONS, *_ENGINE_OPTIONS)
"""`options`: the configuration file and what overrides it."""

_HOME_OPTION: Mapping[str, Any] = {
    "type": PATH_TYPE,
    "envvar": "SEMANTEST_HOME",
    "default": DEFAULT_HOME,
    "show_default": True,
    "show_envvar": True,
    "metavar": "PATH",
    "help": "Folder of the ledger, the packages and the simulated clouds.",
}
_SESSION_OPTIONS = (
    click.option("--home", **_HOME_OPTION),
    click.option("--json", "json", is_flag=True, help="Print only JSON to stdout."),
    click.option("--debug", is_flag=True, expose_value=False, help="Print log messages and tracebacks."),  # in run_cli
)

session_options = _bundle_options("session", _create_session, *_SESSION_OPTIONS)
"""`session`: the application under its home folder, which can be read, and the form of the answer."""

_USUAL_HOME = os.environ.get("SEMANTEST_HOME") or DEFAULT_HOME
inspection_options = _bundle_options(
    "session",
    _create_unchecked_session,
    click.option("--home", **_HOME_OPTION, is_flag=False, flag_value=_USUAL_HOME),
    *_SESSION_OPTIONS[1:],
)
"""`session` of a command that is about the home: `--home` alone names the usual one."""

unchecked_session_options = _bundle_options("session", _create_unchecked_session, *_SESSION_OPTIONS)
"""`session` of commands that do without the home, or look at it themselves."""

detach_option = click.option("--detach", is_flag=True, help="Leave it to a worker, and do not wait for its end.")
"""For commands that request what workers carry out."""

yes_option = click.option(
    "--yes", is_flag=True, help="Change a real cloud without asking; needed where nobody can be asked."
)
"""For commands that change a cloud."""
