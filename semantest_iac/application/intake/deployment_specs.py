"""Expands options into single stacks, validates the loaded configuration of each, and returns deployment specs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path
from typing import Any, Protocol, TypeVar

from semantest_iac.application.deployment.preparation import validate_with_secrets
from semantest_iac.application.ports.secret_store import SecretStore
from semantest_iac.domain.deployment.deployment_service import (
    BLUEPRINTS,
    find_component_faults,
    find_function_sources,
)
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.deployment.validation import ValidationReport, ValidationService, find_stack_faults
from semantest_iac.domain.environments.configuration import (
    DeploymentConfiguration,
    find_component_type,
    find_route_function,
    resolve_component,
)
from semantest_iac.domain.environments.event_sections import EVENT_KEYS
from semantest_iac.domain.environments.names import (
    ACCOUNT_COMPONENT,
    ALL_COMPONENTS,
    COMPONENTS,
    DEFAULT_ENVIRONMENT,
    DEFAULT_PROVIDER,
    SERVICE_TYPES,
    Region,
    canonical_word,
    make_printable,
)
from semantest_iac.domain.environments.sections import ComponentSection, PackageSection
from semantest_iac.domain.environments.settings import ComponentSettings
from semantest_iac.domain.errors import ConfigurationError, DeploymentError, Fault, ValidationError
from semantest_iac.domain.guardrails.engine_choice import EngineChoice
from semantest_iac.domain.ports.artifact_builder import ArtifactBuilder, FunctionApp, FunctionSource
from semantest_iac.domain.ports.cloud_rules import CloudDescriptions
from semantest_iac_events.stack_names import DEFAULT_PROJECT


class SourceLocation(Protocol):
    """Where a value was written: a file with a line, a variable or an option."""

    @property
    def source(self) -> str: ...

    @property
    def line(self) -> int | None:
        """The line, from 1; None outside files."""
        ...


class LoadedConfiguration(Protocol):
    """A loaded configuration with its faults and the source of every value."""

    @property
    def configuration(self) -> DeploymentConfiguration:
        """The configuration without the faulty values."""
        ...

    @property
    def positions(self) -> Mapping[str, SourceLocation]:
        """Positions by dotted path."""
        ...

    @property
    def faults(self) -> tuple[Fault, ...]:
        """What could not be loaded."""
        ...

    @property
    def warnings(self) -> tuple[Fault, ...]:
        """What was loaded and has no effect."""
        ...

    @property
    def variables(self) -> Mapping[str, str]:
        """The variables in which secrets are looked up."""
        ...

    def locate(self, faults: Iterable[Fault]) -> tuple[Fault, ...]:
        """Faults with the positions of their paths."""
        ...


def with_absolute_sources(loaded: LoadedConfiguration) -> DeploymentConfiguration:
    """Make sources absolute: relative to the file that names them, otherwise to the working directory."""
    components = {
        name: section.model_copy(update=dict(_list_absolute_sources(f"components.{name}", section, loaded)))
        for name, section in loaded.configuration.components.items()
    }
    return loaded.configuration.model_copy(update={"components": components} if components else {})


def _list_absolute_sources(
    at: str, section: ComponentSection, loaded: LoadedConfiguration
) -> Iterator[tuple[str, object]]:
    """Yield the keys of a component with sources, as they are when those are absolute."""
    if section.source:
        yield "source", str(find_base_folder(f"{at}.source", loaded) / section.source)
    if section.services:
        services = dict(section.services)
        for name, service in section.services.items():
            if service.source:
                folder = find_base_folder(f"{at}.services.{name}.source", loaded) / service.source
                services[name] = service.model_copy(update={"source": str(folder)})
        yield "services", services
    if section.site and section.site.source:
        folder = find_base_folder(f"{at}.site.source", loaded) / section.site.source
        yield "site", section.site.model_copy(update={"source": str(folder)})


def find_base_folder(path: str, loaded: LoadedConfiguration) -> Path:
    """Return the folder that the file name at a path of the configuration is relative to."""
    place = loaded.positions.get(path)
    return Path(place.source).absolute().parent if place and place.line else Path.cwd()


def find_source_faults(stack: Stack, configuration: DeploymentConfiguration) -> Iterator[Fault]:
    """Yield a fault if the component's source is neither a folder nor a zip file, or its site no folder."""
    section = configuration.components.get(stack.component)
    if section and section.site and section.site.source and not Path(section.site.source).is_dir():
        reason = f"'{make_printable(section.site.source, 200)}' is not a folder"
        yield Fault(f"components.{stack.component}.site.source", reason, "Name the folder of the site.")
    if section and section.source and (reason := _find_source_problem(Path(section.source))):
        path = f"components.{stack.component}.source"
        yield Fault(path, f"'{make_printable(section.source, 200)}' {reason}", "Name a folder or a .zip.")
    for name, service in (section.services or {} if section else {}).items():
        if service.source and not _is_folder(Path(service.source)):
            path = f"components.{stack.component}.services.{make_printable(name)}.source"
            reason = f"'{make_printable(service.source, 200)}' is not a folder"
            yield Fault(path, reason, "Name the folder of its code.")


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):  # no valid file name
        return False


def _find_source_problem(path: Path) -> str:
    try:
        if path.is_dir() or (path.exists() and path.suffix == ".zip"):
            return ""
        return "is neither a folder nor a .zip file" if path.exists() else "does not exist"
    except (OSError, ValueError):  # no valid file name
        return "does not exist"


def find_code_faults(
    stack: Stack, configuration: DeploymentConfiguration, builder: ArtifactBuilder, found: Iterable[Fault] = ()
) -> Iterator[Fault]:
    """Yield what is wrong with the source of a component, without building it.

    What its settings say is used as far as no fault was `found` in it.
    """
    missing = tuple(find_source_faults(stack, configuration))
    yield from missing
    if missing or not stack.is_service:
        return
    app = find_function_sources(stack, resolve_component(configuration, stack.component, stack.environment))
    yield from _find_image_faults(stack, app, builder)
    if app is None or app.main.folder is None or app.main.image:
        return
    section = configuration.components[stack.component]
    prefix = f"components.{stack.component}."
    known = {fault.path.removeprefix(prefix) for fault in found if fault.path.startswith(prefix)}
    source = _select_readable(app.main, section, known)
    for fault in builder.find_packaging_faults(source) if source else ():
        if source and source.is_site:
            fault = replace(fault, path=f"site.{fault.path.removeprefix('site.')}")
        if fault.path in known or (fault.path.endswith(".runtime") and "functions" in known):
            continue  # the settings show it already
        if fault.path.startswith("site."):
            yield replace(fault, path=f"{prefix}{fault.path}")
        elif fault.path.startswith("functions.") or fault.path.partition("[")[0] in _SOURCE_OPTIONS:
            yield replace(fault, path=f"components.{stack.component}.{_find_option_path(fault.path, section)}")
        else:
            yield replace(fault, path=f"components.{stack.component}.source", message=f"{fault.path}: {fault.message}")


def _find_image_faults(stack: Stack, app: FunctionApp | None, builder: ArtifactBuilder) -> Iterator[Fault]:
    for name, image in app.images.items() if app else ():
        for fault in builder.find_packaging_faults(image):
            at = f"components.{stack.component}.services.{make_printable(name)}"
            yield replace(fault, path=f"{at}.{fault.path if fault.path == 'base' else 'source'}")


def _find_code_warnings(
    stack: Stack, configuration: DeploymentConfiguration, builder: ArtifactBuilder
) -> Iterator[Fault]:
    """Yield what packaging the source of a component will say; nothing for a source with faults."""
    if not stack.is_service:
        return
    app = find_function_sources(stack, resolve_component(configuration, stack.component, stack.environment))
    if app is not None and app.main.folder is not None and not app.main.image:
        for note in builder.find_packaging_notes(app.main):
            yield Fault(f"components.{stack.component}.source", note)
    for name, image in app.images.items() if app else ():
        for note in builder.find_packaging_notes(image):
            yield Fault(f"components.{stack.component}.services.{make_printable(name)}.source", note)


def _select_readable(main: FunctionSource, section: ComponentSection, faulty: Set[str]) -> FunctionSource | None:
    """Return the source with the functions whose code has no faulty setting; None without any of them.

    The files decide in place of a faulty runtime.
    """
    if any(path.partition("[")[0].partition(".")[0] in _BUILD_OPTIONS for path in faulty):
        return None
    places = {find_route_function(section, route): index for index, route in enumerate(section.routes or ())}
    functions = {}
    for name, code in main.functions.items():
        keys = {f"functions.{name}", f"functions.{name}.handler", f"functions.{name}.app"}
        if name not in section.functions:
            keys = {f"routes[{places[name]}].handler"}
        is_inherited = name not in section.functions or section.functions[name].runtime is None
        if keys.isdisjoint(faulty):
            decides = ("runtime" if is_inherited else f"functions.{name}.runtime") in faulty
            functions[name] = replace(code, runtime="") if decides else code
    readable = replace(main, functions=functions, runtime="" if "runtime" in faulty else main.runtime)
    if not faulty.isdisjoint(("entry", "handler", "app")):
        readable = replace(readable, entry="", handler="", app="")
    return readable if readable == main or readable.has_main_function or readable.functions else None


_BUILD_OPTIONS = ("source", "build", "package")


def _find_option_path(path: str, section: ComponentSection) -> str:
    """Return where the option is written: the handler of a function without a name of its own, at its first route."""
    function = path.removeprefix("functions.").removesuffix(".handler")
    routes = [find_route_function(section, route) for route in section.routes or ()]
    is_derived = path != function and function not in section.functions and function in routes
    return f"routes[{routes.index(function)}].handler" if is_derived else path


_SOURCE_OPTIONS = {*ComponentSection.model_fields, *(f"package.{name}" for name in PackageSection.model_fields)}

# Stand in for unknown parts of the stack, so that the rest can be validated as well.
_PLACEHOLDERS = {
    "component": "rest-api",
    "provider": DEFAULT_PROVIDER,
    "environment": DEFAULT_ENVIRONMENT,
    "project": DEFAULT_PROJECT,
}


class ValidationContext(Protocol):
    """What `build_spec` needs to know: clouds, rules, secrets and engines."""

    @property
    def providers(self) -> CloudDescriptions: ...

    def engine(self, stack: Stack, configuration: DeploymentConfiguration) -> EngineChoice:
        """Choose the engine; raises RefusedError with everything that it lacks on this machine."""
        ...

    @property
    def validation(self) -> ValidationService: ...

    @property
    def artifacts(self) -> ArtifactBuilder: ...

    def secrets(self, variables: Mapping[str, str]) -> SecretStore: ...


@dataclass(frozen=True, slots=True)
class DeploymentSpec:
    """A validated deployment: the stack, its configuration and settings, its engine, and where its secrets are."""

    stack: Stack
    configuration: dict[str, Any]
    settings: ComponentSettings
    variables: Mapping[str, str] = field(repr=False)
    engine: EngineChoice
    warnings: tuple[Fault, ...] = ()

    @property
    def base_environment(self) -> str:
        """The built-in environment that its environment is or extends."""
        own = self.configuration.get("environments", {}).get(self.stack.environment, {})
        return str(own.get("extends", self.stack.environment))

    @property
    def requests_access_log(self) -> bool:
        """Whether the configuration turns the access log on explicitly."""
        return bool(self.configuration.get("features", {}).get("access_logs"))


def resolve_stack(
    component: str | None,
    loaded: LoadedConfiguration,
    providers: CloudDescriptions,
    deployed_components: Iterable[str] = (),
) -> Stack:
    """Return the stack that options and configuration name; raises ValidationError with every fault.

    A component need not be in the configuration if it was deployed once.
    """
    stack, faults = _resolve_parts(component, loaded.configuration, providers, deployed_components)
    _require_no_faults(component, loaded, faults)
    return stack


def build_spec(component: str | None, loaded: LoadedConfiguration, context: ValidationContext) -> DeploymentSpec:
    """Validate the configuration for a component and return its deployment spec.

    Raises ValidationError with every fault, or else RefusedError where its engine is not available.
    """
    stack, faults = _resolve_parts(component, loaded.configuration, context.providers)
    configuration = with_absolute_sources(loaded)
    report = validate_with_secrets(stack, configuration, context.validation, context.secrets(loaded.variables))
    known = (*loaded.faults, *report.faults)
    code = (
        find_source_faults(stack, configuration)
        if any(fault.path == "component" for fault in faults)
        else find_code_faults(stack, configuration, context.artifacts, known)
    )
    component_type = find_component_type(configuration, stack.component)
    found = (*faults, *find_component_faults(component_type), *report.faults, *code)
    _require_no_faults(component, loaded, found)
    engine = context.engine(stack, loaded.configuration)
    settings = resolve_component(configuration, stack.component, stack.environment)
    values = dump_configuration(configuration, stack.environment)
    values |= {"engine": engine.engine, "cloud": engine.cloud}  # recorded: only this engine can change the stack later
    warnings = (*loaded.warnings, *loaded.locate(report.warnings))
    return DeploymentSpec(stack, values, settings, loaded.variables, engine, warnings)


def dump_configuration(configuration: DeploymentConfiguration, environment: str) -> dict[str, Any]:
    """Return a loaded configuration as a request holds it: of the file's own environments the one that is meant."""
    values = configuration.model_dump(mode="json", exclude_unset=True, exclude={"environments", "state", *EVENT_KEYS})
    base = configuration.find_base_environment(environment)
    return values if environment == base else values | {"environments": {environment: {"extends": base}}}


def validate_components(
    component: str | None, loaded: LoadedConfiguration, context: ValidationContext
) -> tuple[Fault, ...]:
    """Return the warnings about one component, or about all that are configured; raises as `build_spec` does.

    Secrets without a value are warnings here: checking a configuration does not need them.
    """
    configuration = with_absolute_sources(loaded)
    names = [component] if component is not None else _known_components(loaded) or ["rest-api"]
    found = [_resolve_parts(name, configuration, context.providers) for name in names]
    secrets = context.secrets(loaded.variables)
    reports = {
        stack: validate_with_secrets(stack, configuration, context.validation, secrets, secrets_required=False)
        for stack, _ in found
    }
    report = ValidationReport.merge(reports.values())
    named = [stack for stack, faults in found if all(fault.path != "component" for fault in faults)]
    code = [
        fault
        for stack in named
        for fault in find_code_faults(stack, configuration, context.artifacts, (*loaded.faults, *reports[stack].faults))
    ]
    _require_no_faults(component, loaded, (*(fault for _, faults in found for fault in faults), *report.faults, *code))
    notes = (note for stack in named for note in _find_code_warnings(stack, configuration, context.artifacts))
    return (*loaded.warnings, *loaded.locate((*report.warnings, *notes)))


def _known_components(loaded: LoadedConfiguration) -> list[str]:
    """Return the configured components that have a known type; validating any of them reports the others."""
    configuration = loaded.configuration
    return sorted(name for name in configuration.components if find_component_type(configuration, name) in COMPONENTS)


def _resolve_parts(
    component: str | None,
    configuration: DeploymentConfiguration,
    providers: CloudDescriptions,
    deployed_components: Iterable[str] = (),
) -> tuple[Stack, tuple[Fault, ...]]:
    provider = _value_or(configuration.provider, DEFAULT_PROVIDER)
    component = _select_only_component(configuration) if component is None else component
    parts = {
        "component": canonical_word(component) or "",
        "project": _select_project(component, configuration),
        "provider": provider,
        "environment": _value_or(configuration.environment, DEFAULT_ENVIRONMENT),
        "region": str(Region.parse(_value_or(configuration.region, _default_region(provider, providers)))),
    }
    known = tuple(dict.fromkeys((*COMPONENTS, *configuration.components, *deployed_components)))
    faults = tuple(
        _reword_missing_component(fault, component, configuration)
        for fault in find_stack_faults(
            **parts, clouds=providers, environments=configuration.environment_names, components=known
        )
    )
    wrong = {fault.path for fault in faults}
    completed = parts | {part: placeholder for part, placeholder in _PLACEHOLDERS.items() if part in wrong}
    if wrong & {"provider", "region"}:
        completed["region"] = _default_region(completed["provider"], providers)
    return Stack(**completed), faults


def _select_project(component: str | None, configuration: DeploymentConfiguration) -> str:
    """The settings of an account are those of all projects in it."""
    return DEFAULT_PROJECT if component == ACCOUNT_COMPONENT else _value_or(configuration.project, DEFAULT_PROJECT)


def _default_region(provider: str, providers: CloudDescriptions) -> str:
    return providers[provider].regions[0] if provider in providers else ""


def _select_only_component(configuration: DeploymentConfiguration) -> str | None:
    return next(iter(configuration.components)) if len(configuration.components) == 1 else None


def _reword_missing_component(fault: Fault, component: str | None, configuration: DeploymentConfiguration) -> Fault:
    if fault.path != "component" or component is not None:
        return fault
    names = [*sorted(configuration.components), ALL_COMPONENTS] if configuration.components else BLUEPRINTS
    return Fault("component", "is not given", f"Name one of them: {', '.join(names)}.")


def _value_or(value: str | None, default: str) -> str:
    return default if value is None else value


def _require_no_faults(component: str | None, loaded: LoadedConfiguration, faults: Iterable[Fault]) -> None:
    found = tuple(dict.fromkeys((*loaded.faults, *loaded.locate(_without_repetition(component, faults)))))
    if not found:
        return
    what = f"component '{make_printable(component)}'" if component else "this request"
    count = "1 fault" if len(found) == 1 else f"{len(found)} faults"
    kind = ConfigurationError if loaded.faults else ValidationError
    raise kind(f"Cannot accept {what}: {count}.", faults=found)


def _without_repetition(component: str | None, faults: Iterable[Fault]) -> list[Fault]:
    """Return the faults without that of an unknown component that the configuration names too: one line is enough."""
    known = list(faults)
    configured = f"components.{make_printable(component or '')}"
    is_configured = any(fault.path in (configured, f"{configured}.type") for fault in known)
    return [fault for fault in known if not (is_configured and fault.path == "component")]


_UNSPECIFIED = (None,)

Accepted = TypeVar("Accepted")
ProviderRegion = tuple[str | None, str | None]
"""A provider and a region; None leaves the choice to the configuration."""


def expand_components(named: Sequence[str], configured: Iterable[str] = ()) -> list[str | None]:
    """Return the named components once each; `all` are those of the configuration, or every service without any."""
    every = sorted(configured) or SERVICE_TYPES
    expanded = (every if name == ALL_COMPONENTS else [name] for name in named)
    return list(dict.fromkeys(name for names in expanded for name in names)) or [None]


def pair_regions_with_providers(
    providers: Sequence[str], regions: Sequence[str], known: CloudDescriptions
) -> list[ProviderRegion]:
    """Pair each region with the provider that has it; raises ValidationError for a provider without a region."""
    if len(providers) < 2 or not regions:
        return list(dict.fromkeys(product(providers or _UNSPECIFIED, regions or _UNSPECIFIED)))
    had = {name: known[name].regions for name in providers if name in known}
    owners = {region: [name for name in had if str(Region.parse(region)) in had[name]] for region in regions}
    if idle := [name for name in had if not any(name in found for found in owners.values())]:
        faults = [Fault("region", f"none of the regions is of {name}", _suggest_region(had[name])) for name in idle]
        raise ValidationError("Cannot resolve the stacks.", faults=faults)
    return list(dict.fromkeys((owner, region) for region in regions for owner in owners[region] or providers[:1]))


def accept_all(attempts: Iterable[Callable[[], Accepted]]) -> list[Accepted]:
    """Call every attempt and return the results; if one fails, raise an error with the faults of all."""
    accepted, errors = [], []
    for attempt in attempts:
        try:
            accepted.append(attempt())
        except DeploymentError as error:
            errors.append(error)
    if errors:
        raise _merge_validation_errors(errors, len(accepted) + len(errors))
    return accepted


def _merge_validation_errors(errors: Sequence[DeploymentError], count: int) -> DeploymentError:
    """Prefer faults of the configuration to what is missing on this machine."""
    invalid = [error for error in errors if isinstance(error, ValidationError)]
    if len(errors) == 1 or not invalid:
        return errors[0]
    faults = dict.fromkeys(fault for error in invalid for fault in error.faults)
    return ValidationError(f"Cannot accept {len(errors)} of {count} stacks.", faults=tuple(faults))


def _suggest_region(regions: Sequence[str]) -> str:
    return f"Name one as well, such as '{regions[0]}', or leave --region out."
