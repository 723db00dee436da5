"""Finds the stacks that a command about secrets means."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from semantest_iac.domain.environments.names import ALL_COMPONENTS, make_printable, suggest_known
from semantest_iac.domain.errors import NotFoundError
from semantest_iac.presentation.cli.session import (
    ConfigurationOptions,
    MultiStackSelector,
    PlacedStack,
    Session,
)

if TYPE_CHECKING:
    from semantest_iac.domain.blueprints.blueprint import Blueprint
    from semantest_iac.domain.deployment.stack import Stack
    from semantest_iac.domain.environments.configuration import DeploymentConfiguration
    from semantest_iac.domain.environments.settings import ComponentSettings
    from semantest_iac.domain.guardrails.engine_choice import EngineChoice


@dataclass(frozen=True, slots=True)
class SecretTarget:
    """A stack with what the configuration says of it now, and the secrets of what is deployed."""

    stack: Stack
    blueprint: Blueprint
    deployed_secrets: frozenset[str]
    variables: Mapping[str, str]
    configuration: DeploymentConfiguration
    session: Session

    @property
    def secrets(self) -> frozenset[str]:
        """The names of the secrets that the configuration or what is deployed has."""
        return self.deployed_secrets | self.blueprint.secrets.keys()

    @property
    def engine(self) -> EngineChoice:
        """The engine that deployed the stack, else the configured one; raises RefusedError."""
        return self.session.application.engine(self.stack, self.configuration)

    @property
    def placed(self) -> PlacedStack:
        """The stack with where it is."""
        base = self.configuration.find_base_environment(self.stack.environment)
        return PlacedStack(self.stack, self.engine.is_simulated, base)


def find_targets(session: Session, selector: MultiStackSelector, options: ConfigurationOptions) -> list[SecretTarget]:
    """Return the selected stacks, without a component all those of the configuration; raises ValidationError."""
    wanted = selector if selector.component else replace(selector, component=(ALL_COMPONENTS,))
    return list(_resolve_targets(session, wanted, options))


def find_targets_of_secret(
    session: Session, selector: MultiStackSelector, options: ConfigurationOptions, secret: str
) -> list[SecretTarget]:
    """Return the selected stacks that refer to a secret; without a component those of them that are deployed.

    Raises NotFoundError with the secrets that there are.
    """
    targets = find_targets(session, selector, options)
    fitting = [target for target in targets if secret in target.secrets]
    if not fitting:
        known = sorted({name for target in targets for name in target.secrets})
        hint = suggest_known(secret, known) if known else "No component of the configuration refers to a secret."
        raise NotFoundError(f"Cannot find secret '{make_printable(secret)}': no component refers to it.", hint=hint)
    if selector.component:
        return fitting
    ledger = session.application.ledger
    return [target for target in fitting if ledger.stack(str(target.stack)).last_good] or fitting


def find_deployed_blueprint(session: Session, stack: Stack) -> Blueprint | None:
    """Return the blueprint of the last good deployment of a stack; None where nothing is deployed."""
    from semantest_iac.application.deployment.rollback import find_last_good
    from semantest_iac.domain.deployment.deployment_service import BLUEPRINTS

    good = find_last_good(session.application.ledger, stack)
    return BLUEPRINTS[good.settings.type](stack, 1, good.settings) if good else None


def _resolve_targets(
    session: Session, selector: MultiStackSelector, options: ConfigurationOptions
) -> Iterator[SecretTarget]:
    from semantest_iac.domain.deployment.deployment_service import BLUEPRINTS

    for each in session.expand(selector, options):
        stack, loaded = session.resolve_stack_and_configuration(each, options)
        settings = _find_settings(session, stack, loaded.configuration)
        if not stack.is_service or settings.type not in BLUEPRINTS:
            continue
        blueprint = BLUEPRINTS[settings.type](stack, 1, settings)
        deployed = find_deployed_blueprint(session, stack)
        names = frozenset(deployed.secrets) if deployed else frozenset[str]()
        yield SecretTarget(stack, blueprint, names, loaded.variables, loaded.configuration, session)


def _find_settings(session: Session, stack: Stack, configuration: DeploymentConfiguration) -> ComponentSettings:
    """Return the settings of the configuration, or those that are deployed of a component that it does not name."""
    from semantest_iac.application.deployment.rollback import find_last_good
    from semantest_iac.domain.environments.configuration import resolve_component

    if stack.component not in configuration.components and (good := find_last_good(session.application.ledger, stack)):
        return good.settings
    return resolve_component(configuration, stack.component, stack.environment)
