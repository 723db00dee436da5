"""What a worker does with events: it receives from every source, and publishes to every target."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from semantest_iac.application.relay.messages import (
    MessageRenderer,
    RenderForm,
    render_cloudevent,
    render_envelope,
    render_semantest,
)
from semantest_iac.application.relay.relay import Relay, RelaySettings
from semantest_iac.application.relay.selection import select_for_target
from semantest_iac.application.relay.service_outcomes import build_cdevents_renderer
from semantest_iac.application.worker import wait_until_set
from semantest_iac.application.worker_service import RunBeside, WorkerSettings
from semantest_iac.bootstrap.deployments import identify_worker
from semantest_iac.bootstrap.event_intake import (
    EventParts,
    build_event_bus,
    open_event_sources,
    open_event_targets,
)
from semantest_iac.bootstrap.watched_configuration import watch_folder
from semantest_iac.domain.environments.event_sections import EVENT_KEYS, EventForm, EventTargetSection
from semantest_iac.domain.errors import ConfigurationError, DeploymentError
from semantest_iac.infrastructure.transports.chat.messages import render_slack, render_teams
from semantest_iac.presentation.subscribers.subscriber import EventSubscriber

if TYPE_CHECKING:
    from semantest_iac.application.intake.deployment_specs import LoadedConfiguration
    from semantest_iac.application.intake.infrastructure_event_bus import ReportReceived
    from semantest_iac.application.ports.event_transports import DeadLetters, EventSource, EventTarget, TakeMessage
    from semantest_iac.application.ports.ledger import LedgerReader
    from semantest_iac.application.ports.relay_leases import RelayLeases
    from semantest_iac.bootstrap.deployments import WorkerViews
    from semantest_iac.infrastructure.home_manifest import HomeManifest

_LOG = logging.getLogger(__name__)
REFUSED_PAUSE_S = 30.0
"""Before a source is asked again that its server has refused."""


class WorkerEventParts(EventParts, Protocol):
    """The application, as far as the events of a worker need it."""

    @property
    def dead_letters(self) -> DeadLetters: ...

    @property
    def relay_leases(self) -> RelayLeases: ...


DEFAULT_FORMS: Mapping[str, EventForm] = {"websocket": "semantest"}
"""The forms of the targets that have another one than CloudEvents by default."""

FORM_RENDERERS: Mapping[str, Callable[[LedgerReader], RenderForm]] = {
    "cloudevents": lambda ledger: render_cloudevent,
    "semantest": lambda ledger: render_semantest,
    "semantest websocket": lambda ledger: render_envelope,  # which its server stores
    "cdevents": build_cdevents_renderer,
    "slack": lambda ledger: render_slack,
    "teams": lambda ledger: render_teams,
}


@dataclass(slots=True)
class EventServices:
    """What runs beside a worker's runs, and for each transport what tells why it is not connected."""

    beside: list[RunBeside] = field(default_factory=list)
    faults: dict[str, Callable[[], str]] = field(default_factory=dict)


def open_event_services(
    application: WorkerEventParts,
    manifest: HomeManifest,
    variables: Mapping[str, str],
    settings: WorkerSettings,
    views: WorkerViews,
    report: ReportReceived,
) -> EventServices:
    """Return the services of all sources and targets of the configuration; raises DeploymentError for its faults."""
    services = EventServices()
    load = watch_folder(application, settings.configuration_file, settings.overrides)
    loaded = load({}, {})
    _require_usable(loaded)
    redact = application.redactor(loaded.variables)
    for target, section in open_event_targets(loaded, application.secrets(loaded.variables)):
        relay = _open_relay(application, target, section, redact)
        services.beside.append(relay.serve)
        services.faults[f"target {target.name}"] = relay.find_fault
    if loaded.configuration.event_sources:
        bus = build_event_bus(application, manifest, variables, load, views.observers)
        subscriber = EventSubscriber(bus, application.dead_letters, redact, report)
        for source in open_event_sources(application, loaded, loaded.variables):
            receiving = _SourceService(source, subscriber.take)
            services.beside.append(receiving.serve)
            services.faults[f"source {source.name}"] = receiving.find_fault
    return services


def _open_relay(
    application: WorkerEventParts, target: EventTarget, section: EventTargetSection, redact: Callable[[str], str]
) -> Relay:
    form = section.form or DEFAULT_FORMS.get(section.type, "cloudevents")
    render = FORM_RENDERERS[f"{form} {section.type}" if f"{form} {section.type}" in FORM_RENDERERS else form]
    renderer = MessageRenderer(select_for_target(section), render(application.ledger), redact)
    holder, settings = identify_worker().worker, RelaySettings(from_start=section.from_start)
    leases, letters = application.relay_leases, application.dead_letters
    return Relay(target, application.ledger, leases, letters, renderer, holder, settings)


def _require_usable(loaded: LoadedConfiguration) -> None:
    """Raise ConfigurationError for faults of a file that says something about events: nothing of it is left out."""
    has_events = any(path.partition(".")[0] in EVENT_KEYS for path in loaded.positions)
    if loaded.faults and has_events:
        raise ConfigurationError("Cannot receive and publish events.", faults=loaded.faults)


class _SourceService:
    """Receives from a source for as long as the worker serves, also where its server refuses it for a while."""

    def __init__(self, source: EventSource, take: TakeMessage) -> None:
        self._source = source
        self._take = take
        self._refusal = ""

    def find_fault(self) -> str:
        """Return why nothing arrives."""
        return self._refusal or self._source.find_fault()

    async def serve(self, stopped: asyncio.Event) -> None:
        """Receive until `stopped`."""
        while not stopped.is_set():
            try:
                await self._source.receive(self._take, stopped)
            except DeploymentError as error:
                self._refusal = error.reason
                _LOG.error("Nothing is received from '%s': %s %s", self._source.name, error.reason, error.hint)
            except Exception as error:
                self._refusal = f"an unexpected {type(error).__name__}"
                _LOG.exception("Nothing is received from '%s'", self._source.name)
            else:
                return
            await wait_until_set(stopped, REFUSED_PAUSE_S)
            self._refusal = ""
