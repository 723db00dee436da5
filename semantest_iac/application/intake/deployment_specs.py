"""Validates a loaded configuration and turns it into a deployment spec."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from semantest_iac.application.deployment.preparation import validate_with_secrets
from semantest_iac.application.ports.secret_store import SecretStore
from semantest_iac.domain.deployment.deployment_service import find_component_faults
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.deployment.validation import ValidationReport, ValidationService, find_stack_faults
from semantest_iac.domain.environments.configuration import DeploymentConfiguration, resolve_component
from semantest_iac.domain.environments.names import DEFAULT_ENVIRONMENT, DEFAULT_PROVIDER, Region, make_printable
from semantest_iac.domain.environments.settings import ComponentSettings
from semantest_iac.domain.errors import ConfigurationError, Fault, ValidationError
from semantest_iac.domain.guardrails.engine_choice import EngineChoice
from semantest_iac.domain.ports.cloud_rules import CloudDescriptions


class SourceLocation(Protocol):
    """Where a value was written; only files have lines."""

    @property
    def source(self) -> str:
        """The file, variable or option."""
        ...

    @property
    def line(self) -> int | None:
        """The line in a file, from 1."""
        ...


class LoadedConfiguration(Protocol):
    """A configuration as it was read: faults beside it, and the place of every value."""

    @property
    def configuration(self) -> DeploymentConfiguration:
        """What is left without the faulty values."""
        ...

    @property
    def positions(self) -> Mapping[str, SourceLocation]:
        """Positions by dotted path."""
        ...

    @property
    def faults(self) -> tuple[Fault, ...]:
        """What could not be read."""
        ...

    @property
    def warnings(self) -> tuple[Fault, ...]:
        """What was read and means nothing."""
        ...

    @property
    def variables(self) -> Mapping[str, str]:
        """Where secrets are looked for."""
        ...

    def locate(self, faults: Iterable[Fault]) -> tuple[Fault, ...]:
        """Faults with the positions of their paths."""
        ...


def with_absolute_sources(written: LoadedConfiguration) -> DeploymentConfiguration:
    """Sources as absolute paths: they are relative to the file that names them, others to the working directory."""
    components = {
        name: section.model_copy(update={"source": str(_base_folder(name, written) / section.source)})
        if section.source
        else section
        for name, section in written.configuration.components.items()
    }
    return written.configuration.model_copy(update={"components": components} if components else {})


def _base_folder(component: str, written: LoadedConfiguration) -> Path:
    place = written.positions.get(f"components.{component}.source")
    return Path(place.source).absolute().parent if place and place.line else Path.cwd()


def missing_source(stack: Stack, configuration: DeploymentConfiguration) -> Iterator[Fault]:
    """The source of the stack's component, where there is nothing of the kind."""
    section = configuration.components.get(stack.component)
    if section and section.source and not _path_exists(Path(section.source)):
        path = f"components.{stack.component}.source"
        yield Fault(path, f"'{make_printable(section.source, 200)}' does not exist", "Name a folder or a .zip.")


def _path_exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # a name that no file system takes
        return False


# In the place of a word that is unknown, so that the rest can be judged as well.
_PLACEHOLDERS = {"component": "rest-api", "provider": DEFAULT_PROVIDER, "environment": DEFAULT_ENVIRONMENT}


class ValidationContext(Protocol):
    """What an order is judged with."""

    @property
    def providers(self) -> CloudDescriptions:
        """The clouds that there are."""
        ...

    def engine(self, stack: Stack, configuration: DeploymentConfiguration) -> EngineChoice:
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
class DeploymentSpec:
    """A stack, the configuration that it is to be brought to, and where its secrets are looked for."""

    stack: Stack
    configuration: dict[str, Any]
    settings: ComponentSettings
    variables: Mapping[str, str] = field(repr=False)
    engine: EngineChoice
    warnings: tuple[Fault, ...] = ()

    @property
    def wants_access_log(self) -> bool:
        """Whether the log was asked for in so many words."""
        return bool(self.configuration.get("features", {}).get("access_logs"))


def resolve_stack(component: str | None, written: LoadedConfiguration, providers: CloudDescriptions) -> Stack:
    """The stack that words and configuration name; raises ValidationError with every fault."""
    stack, faults = _resolve_parts(component, written.configuration, providers)
    _raise_faults(component, written, faults)
    return stack


def build_spec(component: str | None, written: LoadedConfiguration, judges: ValidationContext) -> DeploymentSpec:
    """The order, if nothing at all speaks against it.

    Raises ValidationError with every fault, and without one RefusedError where its engine is not available.
    """
    stack, faults = _resolve_parts(component, written.configuration, judges.providers)
    configuration = with_absolute_sources(written)
    report = validate_with_secrets(stack, configuration, judges.validation, judges.secrets(written.variables))
    found = (*faults, *find_component_faults(stack.component), *report.faults, *missing_source(stack, configuration))
    _raise_faults(component, written, found)
    engine = judges.engine(stack, written.configuration)
    values = configuration.model_dump(mode="json", exclude_unset=True)
    values |= {"engine": engine.engine, "cloud": engine.cloud}  # on record: what is there can only be changed by it
    settings = resolve_component(configuration, stack.component, stack.environment)
    warnings = (*written.warnings, *written.locate(report.warnings))
    return DeploymentSpec(stack, values, settings, written.variables, engine, warnings)


def check_configuration(
    component: str | None, written: LoadedConfiguration, judges: ValidationContext
) -> tuple[Fault, ...]:
    """The warnings about the named component, or about all that are configured; raises as `order` does.

    Secrets that are not set are warnings here: who checks a configuration need not have them.
    """
    names = [component] if component is not None else sorted(written.configuration.components) or ["rest-api"]
    found = [_resolve_parts(name, written.configuration, judges.providers) for name in names]
    secrets = judges.secrets(written.variables)
    report = ValidationReport.merge(
        validate_with_secrets(stack, written.configuration, judges.validation, secrets, secrets_required=False)
        for stack, _ in found
    )
    _raise_faults(component, written, (*(fault for _, faults in found for fault in faults), *report.faults))
    return (*written.warnings, *written.locate(report.warnings))


def _resolve_parts(
    component: str | None, configuration: DeploymentConfiguration, providers: CloudDescriptions
) -> tuple[Stack, tuple[Fault, ...]]:
    provider = _value_or(configuration.provider, DEFAULT_PROVIDER)
    words = {
        "component": _value_or(component, ""),
        "provider": provider,
        "environment": _value_or(configuration.environment, DEFAULT_ENVIRONMENT),
        "region": str(Region.parse(_value_or(configuration.region, _default_region(provider, providers)))),
    }
    faults = tuple(
        _reword_missing_component(fault, component) for fault in find_stack_faults(**words, clouds=providers)
    )
    wrong = {fault.path for fault in faults}
    stood_in = words | {word: known for word, known in _PLACEHOLDERS.items() if word in wrong}
    if wrong & {"provider", "region"}:
        stood_in["region"] = _default_region(stood_in["provider"], providers)
    return Stack(**stood_in), faults


def _default_region(provider: str, providers: CloudDescriptions) -> str:
    return providers[provider].regions[0] if provider in providers else ""


def _reword_missing_component(fault: Fault, component: str | None) -> Fault:
    return replace(fault, message="is not given") if fault.path == "component" and component is None else fault


def _value_or(word: str | None, default: str) -> str:
    return default if word is None else word


def _raise_faults(component: str | None, written: LoadedConfiguration, faults: Iterable[Fault]) -> None:
    found = tuple(dict.fromkeys((*written.faults, *written.locate(faults))))
    if not found:
        return
    what = f"component '{make_printable(component)}'" if component else "this request"
    count = "1 fault" if len(found) == 1 else f"{len(found)} faults"
    kind = ConfigurationError if written.faults else ValidationError
    raise kind(f"Cannot accept {what}: {count}.", faults=found)
