"""The stacks that options select, and the session in which a command resolves them and answers."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from semantest_iac.application.queries.history import StackFilter, list_deployed_components
from semantest_iac.domain.environments.names import (
    ALL_COMPONENTS,
    COMPONENTS,
    ENVIRONMENTS,
    Region,
    canonical_environment,
    canonical_word,
    make_printable,
    suggest_known,
)
from semantest_iac.domain.errors import Fault, ValidationError
from semantest_iac.domain.guardrails.engine_choice import describe_rehearsal, is_rehearsal

if TYPE_CHECKING:
    from semantest_iac.application.intake.deployment_specs import DeploymentSpec, LoadedConfiguration
    from semantest_iac.application.ports.ledger import LedgerReader
    from semantest_iac.domain.deployment.stack import Stack
    from semantest_iac.domain.guardrails.engine_choice import EngineChoice
    from semantest_iac.domain.ports.cloud_rules import CloudDescriptions
    from semantest_iac.presentation.cli.application import CliApplication
    from semantest_iac.presentation.cli.terminal import Terminal

DEFAULT_HOME = ".semantest"
STANDARD_FILE = "semantest.yaml"


@dataclass(frozen=True, slots=True)
class StackSelector:
    """The parts of a stack's name that were given; None means not given."""

    component: str | None = None
    provider: str | None = None
    environment: str | None = None
    region: str | None = None
    project: str | None = None  # only the full name of a stack says it

    @classmethod
    def from_words(
        cls, named: str | None, component: str | None, provider: str | None, environment: str | None, region: str | None
    ) -> StackSelector:
        """Read an argument and options, in any case; a component can be the full name of a stack.

        Raises ValidationError for parts that are given twice and differ.
        """
        selector = cls(None, provider, environment, region)._normalize()
        for name in (named, component):
            selector = selector if name is None else selector.with_stack(name)
        return selector

    @classmethod
    def from_stack(cls, stack: Stack) -> StackSelector:
        """Select exactly this stack."""
        return cls(stack.component, stack.provider, stack.environment, stack.region, stack.project)

    def with_stack(self, name: str) -> StackSelector:
        """Add a component's or a stack's name; raises ValidationError where it differs from what is selected."""
        from semantest_iac.domain.deployment.stack import Stack
        from semantest_iac_events.stack_names import STACK_SEPARATOR

        if STACK_SEPARATOR in name.strip(STACK_SEPARATOR):
            other = StackSelector.from_stack(Stack.parse(name.lower()))
        else:
            other = StackSelector(canonical_word(name))
        pairs = {part: (getattr(self, part), getattr(other, part)) for part in self.__slots__}
        faults = [
            Fault(part, f"'{make_printable(one)}' is not '{make_printable(two)}'", "Give one of them.")
            for part, (one, two) in pairs.items()
            if one is not None and two is not None and one != two
        ]
        if faults:
            raise ValidationError("Cannot select a stack: it is named in two ways that differ.", faults=faults)
        return StackSelector(**{part: one if two is None else two for part, (one, two) in pairs.items()})

    def _normalize(self) -> StackSelector:
        return StackSelector(
            self.component,
            canonical_word(self.provider),
            self.environment if self.environment is None else canonical_environment(self.environment),
            self.region if self.region is None else str(Region.parse(self.region)),
        )


@dataclass(frozen=True, slots=True)
class MultiStackSelector:
    """A selector of several stacks: every part but the environment can be given more than once.

    A component can be a stack's full name.
    """

    component: tuple[str, ...] = ()
    provider: tuple[str, ...] = ()
    environment: str | None = None
    region: tuple[str, ...] = ()

    @classmethod
    def from_words(
        cls,
        named: tuple[str, ...],
        component: tuple[str, ...],
        provider: tuple[str, ...],
        environment: str | None,
        region: tuple[str, ...],
    ) -> MultiStackSelector:
        """Read arguments and options, in any case."""
        return cls(
            tuple(dict.fromkeys(word.strip().lower() for word in (*named, *component))),
            tuple(dict.fromkeys(word.strip().lower() for word in provider)),
            environment,
            region,
        )


@dataclass(frozen=True, slots=True)
class ConfigurationOptions:
    """The configuration file, and the options that override its values.

    `component_overrides` are relative to each component that the command is about.
    """

    config: Path | None = None
    overrides: tuple[str, ...] = ()
    engine: str | None = None
    cloud: str | None = None
    component_overrides: tuple[str, ...] = ()

    def for_component(self, component: str) -> ConfigurationOptions:
        """Return the options with what overrides the values of this component."""
        own = tuple(f"components.{component}.{each}" for each in self.component_overrides)
        return replace(self, overrides=(*self.overrides, *own), component_overrides=())


class PlacedStack(NamedTuple):
    """A stack, whether a simulated cloud holds it, and the built-in environment that its own is or extends."""

    stack: Stack
    is_simulated: bool
    base_environment: str


class ResolvedStack(NamedTuple):
    """A stack, the engine that deployed it, and the variables that hold its secrets.

    `bases` are the built-in environments that its environment is or extends now, and extended when it was deployed.
    """

    stack: Stack
    engine: EngineChoice
    variables: Mapping[str, str]
    bases: tuple[str, ...] = ()

    @property
    def base_environment(self) -> str | None:
        """The built-in environment that its environment is or extends now."""
        return self.bases[0] if self.bases else None

    @property
    def placed(self) -> PlacedStack:
        """The stack with where it is."""
        return PlacedStack(self.stack, self.engine.is_simulated, self.base_environment or self.stack.environment)


@dataclass(frozen=True, slots=True)
class Session:
    """One run of one command: the application under its home folder, and the form of the answer."""

    application: CliApplication
    terminal: Terminal
    json: bool
    arguments: tuple[str, ...] = ()
    """What was typed behind the name of the program."""

    @property
    def home_option(self) -> str:
        """The `--home` option that a follow-up command needs to reach the same home; empty for the default home."""
        from shlex import quote

        default = Path(os.environ.get("SEMANTEST_HOME") or DEFAULT_HOME).absolute()
        return "" if self.application.home == default else f" --home {quote(str(self.application.home))}"

    @property
    def user_name(self) -> str:
        """The user who runs the command, for the ledger."""
        from semantest_iac.application.operators.user_names import read_user_name

        return read_user_name()

    def answer(self, value: Any, lines: Iterable[str]) -> None:
        """Print the value with `--json`, else the lines."""
        if self.json:
            self.terminal.print_json(value)
        else:
            self.terminal.print_lines(*lines)

    def warn_of_rehearsals(self, stacks: Iterable[PlacedStack]) -> None:
        """Print a line on stderr for each stack that is simulated although its environment is one of real clouds."""
        for stack in stacks:
            if is_rehearsal(stack.base_environment, is_simulated=stack.is_simulated):
                self.terminal.print_remarks(f"Warning: {describe_rehearsal(str(stack.stack), stack.stack.provider)}")

    def load_configuration(self, selector: StackSelector, options: ConfigurationOptions) -> LoadedConfiguration:
        """Load the configuration, overridden by the options; from here on the terminal redacts its secrets."""
        loaded = self.application.configuration(
            folder=Path(),
            file=options.config,
            environ=os.environ,
            overrides=options.overrides,
            options={
                "project": selector.project,
                "provider": selector.provider,
                "environment": selector.environment,
                "region": selector.region,
                "engine": options.engine,
                "cloud": options.cloud,
            },
        )
        self.terminal.redact_with(self.application.redactor(loaded.variables))
        return loaded

    def resolve_stack_and_configuration(
        self, selector: StackSelector, options: ConfigurationOptions
    ) -> tuple[Stack, LoadedConfiguration]:
        """Resolve the selected stack; raises ValidationError with every fault."""
        from semantest_iac.application.intake.deployment_specs import resolve_stack

        loaded = self.load_configuration(selector, options)
        deployed = _find_deployed_components(selector.component, self.application.ledger)
        return resolve_stack(selector.component, loaded, self.application.providers, deployed), loaded

    def resolve_one(self, selector: StackSelector, options: ConfigurationOptions) -> ResolvedStack:
        """Resolve the selected stack and the engine that deployed it; raises ValidationError with every fault."""
        from semantest_iac.application.queries.history import find_recorded_base

        stack, loaded = self.resolve_stack_and_configuration(selector, options)
        engine = self.application.engine(stack, loaded.configuration)
        base = loaded.configuration.find_base_environment(stack.environment)
        recorded = find_recorded_base(self.application.ledger, str(stack))
        return ResolvedStack(stack, engine, loaded.variables, (base, recorded or base))

    def build_stack_filter(self, selector: StackSelector) -> StackFilter:
        """Build the filter of a query about recorded stacks; raises ValidationError with every unknown name."""
        application = self.application
        return build_stack_filter(selector, application.providers, self._find_own_environments, application.ledger)

    def _find_own_environments(self) -> list[str]:
        """Return the environments of the configuration file's own and those that only the ledger knows."""
        from semantest_iac.application.queries.history import find_recorded_environments

        loaded = self.load_configuration(StackSelector(), ConfigurationOptions())
        return [*loaded.configuration.environments, *find_recorded_environments(self.application.ledger)]

    def build_specs_and_warn(self, selector: MultiStackSelector, options: ConfigurationOptions) -> list[DeploymentSpec]:
        """Build the spec of every selected stack and print the warnings; raises ValidationError with every fault."""
        from semantest_iac.application.intake.deployment_specs import accept_all

        specs = accept_all(partial(self._build_spec, each, options) for each in self.expand(selector, options))
        self._print_warnings(specs)
        return specs

    def expand(self, selector: MultiStackSelector, options: ConfigurationOptions) -> list[StackSelector]:
        """Return a selector for each combination; raises ValidationError where a full name differs from an option."""
        from semantest_iac.application.intake.deployment_specs import pair_regions_with_providers

        pairs = pair_regions_with_providers(selector.provider, selector.region, self.application.providers)
        combined = [
            StackSelector.from_words(component, None, provider, selector.environment, region)
            for component in self.expand_components(selector, options)
            for provider, region in pairs
        ]
        return list(dict.fromkeys(combined))

    def expand_components(self, selector: MultiStackSelector, options: ConfigurationOptions) -> list[str | None]:
        """Return the named components, with `all` as those of the configuration."""
        from semantest_iac.application.intake.deployment_specs import expand_components

        configured: Iterable[str] = ()
        if ALL_COMPONENTS in selector.component:
            written = self.load_configuration(StackSelector(environment=selector.environment), options)
            configured = written.configuration.components
        return expand_components(selector.component, configured)

    def _build_spec(self, selector: StackSelector, options: ConfigurationOptions) -> DeploymentSpec:
        from semantest_iac.application.intake.deployment_specs import build_spec

        if options.component_overrides:
            stack, _ = self.resolve_stack_and_configuration(selector, options)
            options = options.for_component(stack.component)
        return build_spec(selector.component, self.load_configuration(selector, options), self.application)

    def _print_warnings(self, specs: Sequence[DeploymentSpec]) -> None:
        from semantest_iac.application.intake.account_notices import account_notices
        from semantest_iac.presentation.error_lines import format_warnings

        warnings = [warning for spec in specs for warning in spec.warnings]
        warnings += account_notices(specs, self.application.account_settings_stacks_in_region)
        self.terminal.print_remarks(*format_warnings(dict.fromkeys(warnings)))


def build_stack_filter(
    selector: StackSelector,
    providers: CloudDescriptions,
    find_own_environments: Callable[[], Collection[str]] = tuple,
    ledger: LedgerReader | None = None,
) -> StackFilter:
    """Build the filter of a query about recorded stacks; raises ValidationError with every unknown name.

    `find_own_environments` is called for an environment that is not built in; components that are recorded in the
    ledger are known besides the types.
    """
    environment = selector.environment and canonical_environment(selector.environment)
    region = selector.region and str(Region.parse(selector.region))
    own = find_own_environments() if environment and environment not in ENVIRONMENTS else ()
    deployed = _find_deployed_components(selector.component, ledger)
    faults = [
        *_unknown_name_faults("component", selector.component, (*COMPONENTS, *deployed)),
        *_unknown_name_faults("provider", selector.provider, providers),
        *_unknown_name_faults("environment", environment, dict.fromkeys((*ENVIRONMENTS, *own))),
    ]
    if region and not any(region in provider.regions for provider in providers.values()):
        faults.append(Fault("region", f"unknown region '{make_printable(region)}'"))
    if faults:
        raise ValidationError("Cannot select stacks.", faults=faults)
    return StackFilter(selector.component, selector.provider, environment, region, selector.project)


def _find_deployed_components(named: str | None, ledger: LedgerReader | None) -> list[str]:
    """Return the components that were deployed once; the ledger is asked only about a name that is no type."""
    return [] if ledger is None or named in (None, *COMPONENTS) else list_deployed_components(ledger)


def _unknown_name_faults(part: str, name: str | None, known: Collection[str]) -> Iterator[Fault]:
    if name is not None and name not in known:
        yield Fault(part, f"unknown {part} '{make_printable(name)}'", suggest_known(name, known))
