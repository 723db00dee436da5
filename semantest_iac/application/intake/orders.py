"""What is asked for: words and a configuration, judged together, become an order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from semantest_iac.application.intake import sources
from semantest_iac.application.intake.written import Written
from semantest_iac.application.ports.secret_store import SecretStore
from semantest_iac.application.preparation import judged
from semantest_iac.domain.deployment.deployment_service import unsupported
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.deployment.validation import Report, ValidationService, stack_faults
from semantest_iac.domain.environments.configuration import Configuration
from semantest_iac.domain.environments.names import DEFAULT_ENVIRONMENT, DEFAULT_PROVIDER, shown
from semantest_iac.domain.environments.providers import Providers
from semantest_iac.domain.environments.regions import normalised
from semantest_iac.domain.errors import ConfigurationError, Fault, ValidationError
from semantest_iac.domain.guardrails.engine_choice import EngineChoice

# In the place of a word that is unknown, so that the rest can be judged as well.
_STAND_INS = {"component": "rest-api", "provider": DEFAULT_PROVIDER, "environment": DEFAULT_ENVIRONMENT}


class Judges(Protocol):
    """What an order is judged with."""

    @property
    def providers(self) -> Providers:
        """The clouds that there are."""
        ...

    def engine(self, stack: Stack, configuration: Configuration) -> EngineChoice:
        """What deploys the stack; raises RefusedError with all that is missing for it."""
        ...

    @property
    def validation(self) -> ValidationService:
        """The rules."""
        ...

    def secrets(self, variables: Mapping[str, str]) -> SecretStore:
        """Which secrets there are."""
        ...


@dataclass(frozen=True, slots=True)
class Order:
    """A stack, the configuration that it is to be brought to, and where its secrets are looked for."""

    stack: Stack
    configuration: dict[str, Any]
    variables: Mapping[str, str] = field(repr=False)
    engine: EngineChoice
    warnings: tuple[Fault, ...] = ()

    @property
    def wants_access_log(self) -> bool:
        """Whether the log was asked for in so many words."""
        return bool(self.configuration.get("features", {}).get("access_logs"))


def target(component: str | None, written: Written, providers: Providers) -> Stack:
    """The stack that words and configuration name; raises ValidationError with every fault."""
    stack, faults = _stack(component, written.configuration, providers)
    _refuse(component, written, faults)
    return stack


def order(component: str | None, written: Written, judges: Judges) -> Order:
    """The order, if nothing at all speaks against it.

    Raises ValidationError with every fault, and without one RefusedError where its engine is not available.
    """
    stack, faults = _stack(component, written.configuration, judges.providers)
    configuration = sources.in_place(written)
    report = judged(stack, configuration, judges.validation, judges.secrets(written.variables))
    found = (*faults, *unsupported(stack.component), *report.faults, *sources.missing(stack, configuration))
    _refuse(component, written, found)
    engine = judges.engine(stack, written.configuration)
    values = configuration.model_dump(mode="json", exclude_unset=True)
    values |= {"engine": engine.engine, "cloud": engine.cloud}  # on record: what is there can only be changed by it
    return Order(stack, values, written.variables, engine, (*written.warnings, *written.located(report.warnings)))


def survey(component: str | None, written: Written, judges: Judges) -> tuple[Fault, ...]:
    """The warnings about the named component, or about all that are configured; raises as `order` does.

    Secrets that are not set are warnings here: who checks a configuration need not have them.
    """
    names = [component] if component is not None else sorted(written.configuration.components) or ["rest-api"]
    found = [_stack(name, written.configuration, judges.providers) for name in names]
    secrets = judges.secrets(written.variables)
    report = Report.merged(
        judged(stack, written.configuration, judges.validation, secrets, secrets_required=False) for stack, _ in found
    )
    _refuse(component, written, (*(fault for _, faults in found for fault in faults), *report.faults))
    return (*written.warnings, *written.located(report.warnings))


def _stack(
    component: str | None, configuration: Configuration, providers: Providers
) -> tuple[Stack, tuple[Fault, ...]]:
    provider = _either(configuration.provider, DEFAULT_PROVIDER)
    words = {
        "component": _either(component, ""),
        "provider": provider,
        "environment": _either(configuration.environment, DEFAULT_ENVIRONMENT),
        "region": normalised(provider, _either(configuration.region, _usual_region(provider, providers))),
    }
    faults = tuple(_said_plainly(fault, component) for fault in stack_faults(**words, providers=providers))
    wrong = {fault.path for fault in faults}
    stood_in = words | {word: known for word, known in _STAND_INS.items() if word in wrong}
    if wrong & {"provider", "region"}:
        stood_in["region"] = _usual_region(stood_in["provider"], providers)
    return Stack(**stood_in), faults


def _usual_region(provider: str, providers: Providers) -> str:
    return providers[provider].regions[0] if provider in providers else ""


def _said_plainly(fault: Fault, component: str | None) -> Fault:
    return replace(fault, message="is not given") if fault.path == "component" and component is None else fault


def _either(word: str | None, default: str) -> str:
    return default if word is None else word


def _refuse(component: str | None, written: Written, faults: Iterable[Fault]) -> None:
    found = tuple(dict.fromkeys((*written.faults, *written.located(faults))))
    if not found:
        return
    what = f"component '{shown(component)}'" if component else "this request"
    count = "1 fault" if len(found) == 1 else f"{len(found)} faults"
    kind = ConfigurationError if written.faults else ValidationError
    raise kind(f"Cannot accept {what}: {count}.", faults=found)
