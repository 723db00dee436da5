"""The stacks that options select, and the session in which a command resolves them and answers."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from semantest_iac.application.queries.history import StackFilter
from semantest_iac.domain.environments.names import (
    COMPONENTS,
    ENVIRONMENTS,
    Region,
    canonical_environment,
    make_printable,
    suggest_known,
)
from semantest_iac.domain.errors import Fault, ValidationError

if TYPE_CHECKING:
    from semantest_iac.application.intake.deployment_specs import DeploymentSpec, LoadedConfiguration
    from semantest_iac.domain.deployment.stack import Stack
    from semantest_iac.domain.guardrails.engine_choice import EngineChoice
    from semantest_iac.domain.ports.cloud_rules import CloudDescriptions
    from semantest_iac.presentation.cli.application import CliApplication
    from semantest_iac.presentation.cli.terminal import Terminal


@dataclass(frozen=True, slots=True)
class StackSelector:
    """The parts of a stack's name, as far as they were given."""

    component: str | None = None
    provider: str | None = None
    environment: str | None = None
    region: str | None = None


@dataclass(frozen=True, slots=True)
class MultiStackSelector:
    """The same where a part may be named several times."""

    component: tuple[str, ...] = ()
    provider: tuple[str, ...] = ()
    environment: str | None = None
    region: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ConfigurationOptions:
    """Where the configuration is, and what lies over it."""

    config: Path | None = None
    overrides: tuple[str, ...] = ()
    engine: str | None = None
    cloud: str | None = None


DEFAULT_HOME = ".semantest"


class ResolvedStack(NamedTuple):
    """A stack that is there already, what deploys it, and where its secrets are looked for."""

    stack: Stack
    engine: EngineChoice
    variables: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Session:
    """One run of one command."""

    application: CliApplication
    terminal: Terminal
    json: bool

    @property
    def home_option(self) -> str:
        """What a command must add to reach the same home."""
        from shlex import quote

        usual = Path(os.environ.get("SEMANTEST_HOME") or DEFAULT_HOME).absolute()
        return "" if self.application.home == usual else f" --home {quote(str(self.application.home))}"

    @property
    def person(self) -> str:
        """Who asks, for the record."""
        from getpass import getuser

        try:
            return getuser()
        except (KeyError, OSError):  # a user without a name, as in many containers
            return f"uid {os.getuid()}"

    def answer(self, value: Any, lines: Iterable[str]) -> None:
        """The answer in the form that was asked for."""
        if self.json:
            self.terminal.json(value)
        else:
            self.terminal.say(*lines)

    def read(self, words: StackSelector, written: ConfigurationOptions) -> LoadedConfiguration:
        """The configuration with the words over it; from here on no secret in its variables is shown."""
        found = self.application.configuration(
            folder=Path(),
            file=written.config,
            environ=os.environ,
            overrides=written.overrides,
            options={
                "provider": words.provider,
                "environment": words.environment,
                "region": words.region,
                "engine": written.engine,
                "cloud": written.cloud,
            },
        )
        self.terminal.hide(self.application.redactor(found.variables))
        return found

    def target(self, words: StackSelector, written: ConfigurationOptions) -> tuple[Stack, LoadedConfiguration]:
        """The stack that is meant; raises ValidationError with every fault."""
        from semantest_iac.application.intake.deployment_specs import resolve_stack

        found = self.read(words, written)
        return resolve_stack(words.component, found, self.application.providers), found

    def meant(self, words: StackSelector, written: ConfigurationOptions) -> ResolvedStack:
        """The stack that is meant, with the engine that it was deployed with; raises as `target` does."""
        stack, found = self.target(words, written)
        return ResolvedStack(stack, self.application.engine(stack, found.configuration), found.variables)

    def each_meant(self, words: MultiStackSelector, written: ConfigurationOptions) -> list[ResolvedStack]:
        """The same for several stacks, before anything is done to one of them."""
        from semantest_iac.application.intake.targets import accept_all

        return accept_all(partial(self.meant, each, written) for each in self._spread(words))

    def orders(self, words: MultiStackSelector, written: ConfigurationOptions) -> list[DeploymentSpec]:
        """The stacks and what they are to become, with warnings told; raises ValidationError with every fault."""
        from semantest_iac.application.intake.targets import accept_all

        accepted = accept_all(partial(self._order, each, written) for each in self._spread(words))
        self._warn(accepted)
        return accepted

    def _spread(self, words: MultiStackSelector) -> list[StackSelector]:
        from semantest_iac.application.intake.targets import expand_components, expand_targets

        return [
            StackSelector(component, provider, words.environment, region)
            for component in expand_components(words.component)
            for provider, region in expand_targets(words.provider, words.region, self.application.providers)
        ]

    def _order(self, words: StackSelector, written: ConfigurationOptions) -> DeploymentSpec:
        from semantest_iac.application.intake.deployment_specs import build_spec

        return build_spec(words.component, self.read(words, written), self.application)

    def _warn(self, orders: Sequence[DeploymentSpec]) -> None:
        from semantest_iac.application.intake.account_notices import account_notices
        from semantest_iac.presentation.error_lines import format_warnings

        found = [warning for order in orders for warning in order.warnings]
        found += account_notices(orders, self.application.account_stacks)
        self.terminal.remark(*format_warnings(dict.fromkeys(found)))


def build_stack_filter(words: StackSelector, providers: CloudDescriptions) -> StackFilter:
    """The filter that the words mean; raises ValidationError with every unknown word."""
    environment = words.environment and canonical_environment(words.environment)
    region = words.region and str(Region.parse(words.region))
    faults = [
        *_unknown_word_faults("component", words.component, COMPONENTS),
        *_unknown_word_faults("provider", words.provider, providers),
        *_unknown_word_faults("environment", environment, ENVIRONMENTS),
    ]
    if region and not any(region in provider.regions for provider in providers.values()):
        faults.append(Fault("region", f"'{make_printable(region)}' is not known"))
    if faults:
        raise ValidationError("Cannot tell which stacks are meant.", faults=faults)
    return StackFilter(words.component, words.provider, environment, region)


def _unknown_word_faults(part: str, word: str | None, known: Collection[str]) -> Iterator[Fault]:
    if word is not None and word not in known:
        yield Fault(part, f"'{make_printable(word)}' is not known", suggest_known(word, known))
