"""Builds the requests that events ask for, from the configuration of their environment and what the event adds to it.

An event cannot name code, commands or credentials of the machine that carries it out, nor variables that make a runtime
load code: those come from the machine's configuration.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from semantest_iac.application.intake.admission import refuse_after_error
from semantest_iac.application.intake.deployment_requests import build_deployment_request
from semantest_iac.application.intake.deployment_specs import (
    LoadedConfiguration,
    ValidationContext,
    build_spec,
    dump_configuration,
    resolve_stack,
    with_absolute_sources,
)
from semantest_iac.application.intake.received_events import ReceivedEvent
from semantest_iac.application.intake.subscriptions import RequestedChange
from semantest_iac.application.ports.ledger import LedgerReader
from semantest_iac.application.ports.request_sources import RequestLimit, RequestRefusal
from semantest_iac.application.queries.history import find_recorded_base, list_deployed_components
from semantest_iac.domain.compute.scaling import ScalingChange
from semantest_iac.domain.deployment.approval import EVENT_MARK
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.environments.event_sections import EventSourceSection
from semantest_iac.domain.environments.names import (
    DEFAULT_ENVIRONMENT,
    DEFAULT_PROVIDER,
    ENVIRONMENTS,
    canonical_environment,
    canonical_word,
    make_printable,
)
from semantest_iac.domain.environments.settings import ComponentSettings
from semantest_iac.domain.errors import (
    ArtifactError,
    DeploymentError,
    Fault,
    NotFoundError,
    RefusedError,
    ValidationError,
)
from semantest_iac_events.deployments import DeploymentRequested
from semantest_iac_events.event import StackRequest
from semantest_iac_events.infrastructure import InfrastructureRemovalRequested, RollbackRequested, ScalingTriggered
from semantest_iac_events.stack_names import DEFAULT_PROJECT

FINAL_ERRORS = (ValidationError, ArtifactError, RefusedError, NotFoundError)  # others may be gone at the next try
EVENT_COMPONENT_KEYS = frozenset(
    ("memory", "timeout", "instances", "environment", "tags", "throttling", "cors", "health", "runtime")
)
"""The settings of a component that an event may bring; others must be what the configuration says."""

EVENT_SECTIONS = frozenset(("monitoring", "scaling", "features", "tags"))
"""The other sections of the configuration that an event may bring."""

EVENT_SCALING_KEYS = frozenset(("auto_scale", "metrics"))
"""What of `scaling` an event may bring: the bounds of what events may ask for are up to the configuration."""

LOADER_VARIABLES = frozenset(
    (
        *("PATH", "ENV", "BASH_ENV", "SHELLOPTS", "GCONV_PATH", "GLIBC_TUNABLES", "OPENSSL_CONF", "OPENSSL_MODULES"),
        *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE"),
        *("NODE_OPTIONS", "NODE_PATH", "NODE_EXTRA_CA_CERTS", "NODE_TLS_REJECT_UNAUTHORIZED", "CURL_CA_BUNDLE"),
        *("JAVA_TOOL_OPTIONS", "_JAVA_OPTIONS", "JDK_JAVA_OPTIONS", "RUBYOPT", "RUBYLIB", "GIT_SSH_COMMAND"),
    )
)
"""Variables by which a process loads code, or trusts and sends to others; no event may set them."""

LOADER_PREFIXES = (
    *("LD_", "DYLD_", "PYTHON", "PERL5", "BASH_FUNC_", "GIT_CONFIG", "NPM_CONFIG_", "DOTNET_", "CORECLR_"),
    *("AWS_", "AZURE", "FUNCTIONS_", "WEBSITE_", "LANGUAGEWORKERS"),
    *("SCM_", "ENABLE_ORYX", "PRE_BUILD", "POST_BUILD", "CUSTOM_BUILD"),  # what App Service builds with
)
"""How further ones begin: options of runtimes, and settings of the clouds' hosts and SDKs."""

_LOADER_HINT = "It changes which code a process loads, or whom it trusts; set it in the configuration."
_REFERENCES = ("${env.", "${secrets.")
_UNKNOWN = "unknown"

LoadEnvironment = Callable[[Mapping[str, str | None], Mapping[str, Any]], LoadedConfiguration]
"""Loads the configuration for the options project, provider, environment and region, with values laid over it."""


@dataclass(frozen=True, slots=True)
class BuiltRequest:
    """A request, and what is known of it before it is submitted: `refusal` says why it is not carried out.

    `settings` are those of a configuration that is valid. `limit` holds instead of the usual one.
    """

    request: StackRequest
    settings: ComponentSettings | None = None
    refusal: RequestRefusal | None = None
    limit: RequestLimit | None = None


class EventRequests:
    """Builds requests from the configuration that the process has; one that is not possible carries its refusal."""

    def __init__(
        self,
        load: LoadEnvironment,
        context: ValidationContext,
        ledger: LedgerReader,
        sources: Mapping[str, EventSourceSection],
    ) -> None:
        self._load = load
        self._context = context
        self._ledger = ledger
        self._sources = sources

    def get_provider(self, environment: str) -> str:
        """Return the cloud that the configuration names for an environment."""
        loaded = self._load({"environment": canonical_environment(environment)}, {})
        return loaded.configuration.provider or DEFAULT_PROVIDER

    def build(self, change: RequestedChange, event: ReceivedEvent) -> BuiltRequest:
        """Return the request for one change; raises DeploymentError only for what a later try may mend."""
        try:
            self._require_allowed(change, event)
            if change.action == "deploy":
                return self._build_deployment(change, event)
            return BuiltRequest(self._build_other(change, event), limit=change.limit)
        except FINAL_ERRORS as error:
            refusal = refuse_after_error(error)
            return BuiltRequest(self._build_stand_in(change, event), refusal=refusal, limit=change.limit)

    def resolve(self, change: RequestedChange) -> Stack:
        """Return the stack that a change is about; raises ValidationError with every fault."""
        loaded = self._load(_list_options(change), {})
        deployed = list_deployed_components(self._ledger)
        return resolve_stack(change.component, loaded, self._context.providers, deployed)

    def _require_usable_configuration(self) -> None:
        """Raise DeploymentError for faults that no event has caused: the event waits until they are mended."""
        loaded = self._load({}, {})
        if loaded.faults:
            raise DeploymentError(
                "Cannot take events: the configuration has faults.",
                "CONFIGURATION_FAULTY",
                hint="Run `semantest-iac config validate`.",
                faults=loaded.faults,
            )

    def _require_allowed(self, change: RequestedChange, event: ReceivedEvent) -> None:
        source = self._sources.get(event.source)
        if source is None:
            return
        environment = canonical_environment(change.environment or self._load({}, {}).configuration.environment or "")
        checks = (
            ("component", change.component, source.components, canonical_word),
            ("environment", environment or DEFAULT_ENVIRONMENT, source.environments, canonical_environment),
        )
        faults = [
            Fault(part, f"'{make_printable(name)}' is none of {', '.join(allowed) or 'none'}")
            for part, name, allowed, read_name in checks
            if allowed is not None and read_name(name) not in map(read_name, allowed)
        ]
        if change.action == "destroy" and not (change.subscription or source.removals):
            hint = f"event_sources.{event.source}.removals allows them."
            faults.append(Fault("type", "removals are not allowed", hint))
        if isinstance(change.request, RollbackRequested) and change.request.accepted_data_loss and not source.removals:
            hint = f"event_sources.{event.source}.removals allows it."
            faults.append(Fault("accepted_data_loss", "consent to lose data is not allowed", hint))
        if faults:
            message = f"Events from '{event.source}' may not request this."
            raise RefusedError(message, "SOURCE_NOT_ALLOWED", hint="The configuration limits them.", faults=faults)

    def _build_deployment(self, change: RequestedChange, event: ReceivedEvent) -> BuiltRequest:
        self._require_usable_configuration()
        options = _list_options(change)
        values = self._select_values(change, self._load(options, {}))
        spec = build_spec(change.component, self._load(options, values), self._context)
        built = build_deployment_request(spec.stack, spec.configuration)
        if isinstance(change.request, DeploymentRequested):
            kept = ("configuration", "base_environment", "component_type")
            update = {name: getattr(built, name) for name in kept} | {"requested_by": _name_requester(change, event)}
            return BuiltRequest(change.request.model_copy(update=update), spec.settings)
        return BuiltRequest(_derive(built, change, event), spec.settings, limit=change.limit)

    def _select_values(self, change: RequestedChange, base: LoadedConfiguration) -> dict[str, Any]:
        """Return what the event adds to the configuration; raises ValidationError for what it may not say."""
        if not change.values:
            return {}
        environment = change.environment or base.configuration.environment or DEFAULT_ENVIRONMENT
        absolute = with_absolute_sources(base)
        known = dump_configuration(absolute, canonical_environment(environment)) | _read_engine(change)
        section = known.get("components", {}).get(change.component, {})
        given = change.values.get("components", {})
        own = given.get(change.component, {}) if isinstance(given, Mapping) else {}
        bounds, own_bounds = change.values.get("scaling"), known.get("scaling", {})
        faults = [
            *_find_foreign(change.values, known, {*EVENT_SECTIONS, "components"}, ""),
            *(_find_foreign(bounds, own_bounds, EVENT_SCALING_KEYS, "scaling.") if bounds else ()),
            *_find_foreign(own, section, EVENT_COMPONENT_KEYS, f"components.{change.component}."),
            *_find_references(change.values, known, ""),
            *_find_protected_variables(own, section, f"components.{change.component}.environment."),
        ]
        if faults:
            raise ValidationError("An event may not say this.", faults=faults)
        kept = {key: value for key, value in change.values.items() if key in EVENT_SECTIONS}
        allowed = {key: value for key, value in own.items() if key in EVENT_COMPONENT_KEYS}
        return kept | ({"components": {change.component: allowed}} if allowed else {})

    def _build_other(self, change: RequestedChange, event: ReceivedEvent) -> StackRequest:
        """Return the request itself, or the one that a subscription asks for, with the environment that it extends."""
        if change.request is not None:
            request, stack = change.request, change.request.stack
            base = find_recorded_base(self._ledger, stack)
            update: dict[str, Any] = {"requested_by": _name_requester(change, event)}
            update |= {"base_environment": base} if base else {}
            update |= {"automatic": True} if isinstance(request, ScalingTriggered) else {}
            return request.model_copy(update=update)
        stack_parts = self.resolve(change)
        base = find_recorded_base(self._ledger, str(stack_parts))
        own_base = None if stack_parts.environment in ENVIRONMENTS else base
        parts: dict[str, Any] = asdict(stack_parts) | {"base_environment": own_base}
        request = self._build_by_action(change, event, parts)
        return _derive(request, change, event)

    def _build_by_action(self, change: RequestedChange, event: ReceivedEvent, parts: dict[str, Any]) -> StackRequest:
        match change.action:
            case "scale":
                asked = change.scaling or ScalingChange()
                return ScalingTriggered(
                    **parts,
                    min_instances=asked.minimum,
                    max_instances=asked.maximum,
                    min_step=asked.minimum_step,
                    max_step=asked.maximum_step,
                    automatic=True,
                    reason=event.type,
                )
            case "rollback":
                return RollbackRequested(**parts)
        return InfrastructureRemovalRequested(**parts)

    def _build_stand_in(self, change: RequestedChange, event: ReceivedEvent) -> StackRequest:
        """Return a request that carries the names as far as they are known, so that its refusal finds its requester."""
        if change.request is not None:
            return change.request
        environment = canonical_environment(change.environment or DEFAULT_ENVIRONMENT)
        configuration = self._load(_list_options(change), {}).configuration
        provider = configuration.provider or DEFAULT_PROVIDER
        clouds = self._context.providers
        regions = clouds[provider].regions if provider in clouds else ()
        request = DeploymentRequested(
            component=_as_label(change.component),
            provider=_as_label(provider),
            environment=_as_label(environment),
            region=_as_label(configuration.region or next(iter(regions), "")),
            project=_as_label(configuration.project or DEFAULT_PROJECT),
        )
        return _derive(request, change, event)


def _derive(request: StackRequest, change: RequestedChange, event: ReceivedEvent) -> StackRequest:
    """Return the request as caused by the event."""
    return request.model_copy(
        update={
            "previous_event_ids": tuple(dict.fromkeys(event.causes)),
            "correlation_id": event.correlation_id,
            "requested_by": _name_requester(change, event),
        }
    )


def _name_requester(change: RequestedChange, event: ReceivedEvent) -> str:
    """Return who asked, for the ledger: the sender, or what it says of itself, and through which source."""
    said = event.sender or (change.request.requested_by if change.request is not None else "")
    through = f"{event.type} from {event.source}"
    return make_printable(f"{said}{EVENT_MARK}{through}" if said else f"event {through}", 200)


def _list_options(change: RequestedChange) -> dict[str, str | None]:
    """Return the options that select the stack, as the command line gives them."""
    request = change.request
    return {
        "project": request.project if request else None,
        "provider": request.provider if request else None,
        "environment": change.environment and canonical_environment(change.environment),
        "region": request.region if request else None,
    }


def _read_engine(change: RequestedChange) -> dict[str, Any]:
    """A request that was recorded names its engine; it is chosen anew, by the ledger and the configuration."""
    return {key: change.values[key] for key in ("engine", "cloud") if key in change.values}


def _find_foreign(given: Any, known: Mapping[str, Any], allowed: frozenset[str] | set[str], at: str) -> Iterator[Fault]:
    """Yield what an event may not say, unless it says what the configuration says."""
    if not isinstance(given, Mapping):
        yield Fault(at.rstrip("."), "must be a mapping")
        return
    for key, value in given.items():
        if key not in allowed and (key not in known or known[key] != value):
            hint = f"An event may say {', '.join(sorted(allowed))}; the rest is up to the configuration."
            yield Fault(f"{at}{make_printable(str(key))}", "cannot be set by an event", hint)


def _find_references(given: Any, known: Any, at: str) -> Iterator[Fault]:
    """Yield references to variables and secrets of this machine that the configuration does not make itself."""
    if isinstance(given, str):
        if given != known and any(mark in given for mark in _REFERENCES):
            yield Fault(
                at, "an event cannot refer to variables or secrets", "Write the reference in the configuration."
            )
    elif isinstance(given, Mapping):
        for key, value in given.items():
            inner = known.get(key) if isinstance(known, Mapping) else None
            yield from _find_references(value, inner, f"{at}.{make_printable(str(key))}".lstrip("."))
    elif isinstance(given, list | tuple):
        for index, value in enumerate(given):
            yield from _find_references(value, None, f"{at}[{index}]")


def _find_protected_variables(given: Any, known: Mapping[str, Any], at: str) -> Iterator[Fault]:
    """Yield variables that load code, and those whose value the configuration takes from elsewhere."""
    variables = given.get("environment") if isinstance(given, Mapping) else None
    own = known.get("environment") or {}
    for name, value in variables.items() if isinstance(variables, Mapping) else ():
        path, word = f"{at}{make_printable(str(name))}", str(name).upper()
        if own.get(name) == value:
            continue
        if word in LOADER_VARIABLES or word.startswith(LOADER_PREFIXES):
            yield Fault(path, "cannot be set by an event", _LOADER_HINT)
        elif any(mark in str(own.get(name, "")) for mark in _REFERENCES):
            yield Fault(path, "is a reference in the configuration, which an event cannot replace")


def _as_label(name: str) -> str:
    return make_printable(name, 100) or _UNKNOWN
