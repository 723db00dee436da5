"""The way in for events, joined: the configuration, the intakes of all engines, and the sources of messages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

from semantest_iac.application.intake.deployment_specs import find_base_folder
from semantest_iac.application.intake.event_requests import BuiltRequest, EventRequests, LoadEnvironment
from semantest_iac.application.intake.infrastructure_event_bus import InfrastructureEventBus
from semantest_iac.application.intake.subscriptions import list_subscribed_types
from semantest_iac.application.message_bus import EventObservers
from semantest_iac.application.ports.event_transports import TransportError
from semantest_iac.bootstrap.deployments import (
    ApplicationParts,
    EngineRuns,
    RunViews,
    build_intake,
    choose_engine_of,
)
from semantest_iac.domain.environments.event_sections import (
    CREDENTIAL_KEYS,
    EventSourceSection,
    EventTargetSection,
)
from semantest_iac.domain.environments.section_types import parse_secret_reference
from semantest_iac.domain.errors import ConfigurationError
from semantest_iac.domain.guardrails.engine_choice import EngineChoice
from semantest_iac_events.forms.semantest import DEPLOYMENT_NEEDED_TYPES

if TYPE_CHECKING:
    from semantest_iac.application.intake.deployment_specs import LoadedConfiguration, ValidationContext
    from semantest_iac.application.intake.intake import Intake
    from semantest_iac.application.intake.request_origin import RequestOrigin
    from semantest_iac.application.message_bus import Observer
    from semantest_iac.application.ports.event_transports import (
        EventSource,
        EventTarget,
        SeenMessages,
        TransportPositions,
    )
    from semantest_iac.application.ports.run_queue import Receipt
    from semantest_iac.application.ports.secret_store import SecretStore
    from semantest_iac.infrastructure.home_manifest import HomeManifest

_TRANSPORTS = "semantest_iac.infrastructure.transports"
TRANSPORT_MODULES: Mapping[str, tuple[str, str]] = {
    "nats": ("brokers.nats", "brokers.nats"),
    "rabbitmq": ("brokers.rabbitmq", "brokers.rabbitmq"),
    "redis-stream": ("brokers.redis_streams", "brokers.redis_streams"),
    "redis-channel": ("brokers.redis_channels", "brokers.redis_channels"),
    "kafka": ("brokers.kafka", "brokers.kafka"),
    "websocket": ("http.websocket", "http.websocket"),
    "webhook": ("http.webhook_source", "http.webhook_target"),
    "files": ("files", "files"),
}
"""The modules of each type, one with `open_source(name, section, memory)`, one with `open_target(name, section)`.

What a source remembers is its position, or for webhooks, which it has seen.
"""

_Section = TypeVar("_Section", EventSourceSection, EventTargetSection)


class EventParts(ApplicationParts, Protocol):
    """The application, as far as events need it."""

    @property
    def transport_positions(self) -> TransportPositions: ...

    @property
    def seen_messages(self) -> SeenMessages: ...


def build_event_bus(
    application: EventParts,
    manifest: HomeManifest,
    variables: Mapping[str, str],
    load: LoadEnvironment,
    observers: Sequence[Observer] = (),
) -> InfrastructureEventBus:
    """Return the bus for the events of all sources; `observers` see what it records."""
    configuration, ledger = load({}, {}).configuration, application.ledger
    shown = EventObservers(*observers)

    @cache
    def intake_of(choice: EngineChoice) -> Intake:
        runs = EngineRuns(application, manifest, shown, variables, choice, RunViews())
        return build_intake(application, runs, shown, tuple(application.engines))

    async def submit(built: BuiltRequest, origin: RequestOrigin) -> Receipt:
        choice = EngineChoice() if built.refusal else choose_engine_of(ledger, built.request)
        return await intake_of(choice).submit_event(built, origin)

    requests = EventRequests(load, cast("ValidationContext", application), ledger, configuration.event_sources)
    request_check = application.run_queue.request_check
    return InfrastructureEventBus(configuration.subscriptions, requests, ledger, submit, request_check)


def open_event_sources(
    application: EventParts, loaded: LoadedConfiguration, variables: Mapping[str, str]
) -> list[EventSource]:
    """Return every source of the configuration, not connected yet; raises DeploymentError for one that cannot be."""
    configuration, secrets = loaded.configuration, application.secrets(variables)
    types = list_subscribed_types(configuration.subscriptions, DEPLOYMENT_NEEDED_TYPES)
    opened: list[EventSource] = []
    for name, section in configuration.event_sources.items():
        complete = section if section.events is not None else section.model_copy(update={"events": tuple(types)})
        open_source = _find_opener(section.type, 0, "open_source")
        memory = application.seen_messages if section.type == "webhook" else application.transport_positions
        placed = _with_absolute_folder(f"event_sources.{name}", complete, loaded)
        with _settings_as_configuration():
            opened.append(open_source(name, reveal_credentials(placed, secrets), memory))
    return opened


@contextmanager
def _settings_as_configuration() -> Iterator[None]:
    """What a transport says of its settings is a fault of the configuration: a worker that starts ends with it."""
    try:
        yield
    except TransportError as error:
        raise ConfigurationError(error.message, hint=error.hint, faults=error.faults) from error


def open_event_targets(
    loaded: LoadedConfiguration, secrets: SecretStore
) -> list[tuple[EventTarget, EventTargetSection]]:
    """Return every target of the configuration with its settings; raises DeploymentError for one that cannot be."""
    opened: list[tuple[EventTarget, EventTargetSection]] = []
    for name, section in loaded.configuration.event_targets.items():
        placed = _with_absolute_folder(f"event_targets.{name}", section, loaded)
        open_target = _find_opener(section.type, 1, "open_target")
        with _settings_as_configuration():
            opened.append((open_target(name, reveal_credentials(placed, secrets)), section))
    return opened


def _with_absolute_folder(at: str, section: _Section, loaded: LoadedConfiguration) -> _Section:
    """Return the section with its folder relative to the file that names it, as the source of a component is."""
    if not section.folder:
        return section
    return section.model_copy(update={"folder": str(find_base_folder(f"{at}.folder", loaded) / section.folder)})


def reveal_credentials(section: _Section, secrets: SecretStore) -> _Section:
    """Return the section with the values of its secrets; raises NotFoundError with the variable to set."""
    references = {key: parse_secret_reference(getattr(section, key) or "") for key in CREDENTIAL_KEYS}
    revealed = {key: secrets.reveal(name).expose() for key, name in references.items() if name}
    return section.model_copy(update=revealed)


def _find_opener(type_: str, side: int, function: str) -> Any:
    return getattr(import_module(f"{_TRANSPORTS}.{TRANSPORT_MODULES[type_][side]}"), function)
