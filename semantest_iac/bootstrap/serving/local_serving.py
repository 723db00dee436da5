"""Serves what is deployed in simulated clouds: its APIs, its messages and schedules, and what its functions call."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from semantest_iac.application.queries.history import (
    all_simulated_releases,
    find_owning_engine,
    is_platform,
    list_local_domains,
    simulated_releases,
)
from semantest_iac.application.queries.site_packages import list_site_digests
from semantest_iac.bootstrap.engines import traffic_counts
from semantest_iac.bootstrap.serving.served_containers import ServedContainers
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.errors import DeploymentError
from semantest_iac.domain.guardrails.engine_choice import EngineChoice
from semantest_iac.domain.messaging.messages import MessageCounts
from semantest_iac.domain.networking.http_exchange import HttpRequest, HttpResponse
from semantest_iac.infrastructure.durable_files import make_draft_folder
from semantest_iac.infrastructure.ledger.sqlite import SqliteLedger
from semantest_iac.infrastructure.local_service.api_frontend import DeployedResources
from semantest_iac.infrastructure.local_service.containers.local_containers import LocalContainers
from semantest_iac.infrastructure.local_service.containers.service_instances import ServiceReport
from semantest_iac.infrastructure.local_service.containers.service_spec import ServiceTimes, ServiceUnreachableError
from semantest_iac.infrastructure.local_service.entrances.stack_entrance import (
    EntranceRules,
    StackEntrances,
    read_entrance,
)
from semantest_iac.infrastructure.local_service.gateway.backends import BackendCalls
from semantest_iac.infrastructure.local_service.gateway.played_gateway import BackendUnreachableError
from semantest_iac.infrastructure.local_service.local_probe import FindLocalVariables, LocalProbe, collect_endpoints
from semantest_iac.infrastructure.local_service.local_services import LocalServices, Releases, ServingLimits
from semantest_iac.infrastructure.local_service.messaging.deliveries import MessageDeliveries
from semantest_iac.infrastructure.local_service.messaging.directory import MessagingDirectory
from semantest_iac.infrastructure.local_service.messaging.endpoint import (
    create_messages_handler,
    find_message_variables,
    serve_messages,
)
from semantest_iac.infrastructure.local_service.messaging.local_messages import StoredMessages
from semantest_iac.infrastructure.local_service.messaging.pollers import DeliveryReport
from semantest_iac.infrastructure.local_service.serving_addresses import MESSAGES_FOLDER, announce_address
from semantest_iac.infrastructure.local_service.sites.rules import SitePackages
from semantest_iac.infrastructure.local_service.stores.local_stores import LocalStores
from semantest_iac.infrastructure.message_store.messages import MessageStore
from semantest_iac.presentation.gateway.launch import open_gateway
from semantest_iac.presentation.request_log import LogRequest, RequestLogEntry

if TYPE_CHECKING:
    from semantest_iac.application.ports.ledger import Ledger
    from semantest_iac.application.ports.local_messages import LocalMessages
    from semantest_iac.domain.ports.provisioner import Provisioner
    from semantest_iac.domain.ports.service_probe import ServiceProbe
    from semantest_iac.infrastructure.local_service.function_log_files import FunctionLogFiles
    from semantest_iac.presentation.gateway.services import ListenAddress, RunningGateway


class ServedApplication(Protocol):
    """What serving needs of the application."""

    @property
    def home(self) -> Path: ...

    @property
    def ledger(self) -> Ledger: ...

    @property
    def function_logs(self) -> FunctionLogFiles: ...

    def connect(self, choice: EngineChoice, variables: Mapping[str, str]) -> tuple[Provisioner, ServiceProbe]: ...


class LocalServing:
    """The parts of one `serve`; `variable_sources` tell functions where something answers for their cloud."""

    def __init__(
        self, application: ServedApplication, variables: Mapping[str, str], limits: ServingLimits | None = None
    ) -> None:
        self._application = application
        self._variables = variables
        self._limits = limits
        self.variable_sources: list[FindLocalVariables] = []
        self._messages = MessagingDirectory()
        self._containers: LocalContainers | None = None

    def find_probe(self, stack: Stack) -> ServiceProbe:
        """Return the probe of a stack; functions find what answers here for services of their cloud."""
        probe = self._find_plain_probe(stack)
        if not isinstance(probe, LocalProbe):
            return probe
        return probe.with_variables(partial(collect_endpoints, self.variable_sources))

    def _find_plain_probe(self, stack: Stack) -> ServiceProbe:
        application = self._application
        choice = find_owning_engine(application.ledger, str(stack)) or EngineChoice()
        return application.connect(choice, self._variables)[1]

    async def _find_resources(self, stack: Stack) -> DeployedResources:
        """Return the resources of a simulated stack with the variables that they have in the cloud."""
        probe = self._find_plain_probe(stack)
        assert isinstance(probe, LocalProbe)  # noqa: S101 - simulated stacks have no others
        return await probe.find_resources(stack)

    def open_services(self) -> LocalServices:
        """Return the services that answer requests."""
        application = self._application
        releases = self._watch_releases(simulated_releases)
        counts = traffic_counts(application.home)
        entrances = StackEntrances(self.find_entrance, BackendCalls(self._call_service))
        domains = self._watch_releases(list_local_domains)
        return LocalServices(
            releases, self.find_probe, application.function_logs, self._limits, counts, entrances, domains
        )

    async def _call_service(self, stack: str, service: str, request: HttpRequest) -> HttpResponse:
        """Call a service for the gateway of its stack."""
        if self._containers is None:
            raise BackendUnreachableError(f"Service '{service}' of {stack} does not run here.")
        try:
            return await self._containers.call(stack, service, request)
        except ServiceUnreachableError as error:
            raise BackendUnreachableError(str(error)) from error

    async def find_entrance(self, stack: Stack) -> EntranceRules | None:
        """Return the rules of the gateway and the site of a platform as it is deployed now."""
        ledger, probe = self._application.ledger, self.find_local_probe(stack)
        if not is_platform(ledger.stack(str(stack))):
            return None
        sources = SitePackages(probe.unpack_package, tuple(list_site_digests(ledger, str(stack))))
        return await read_entrance(stack, await probe.find_resources(stack), sources)

    @asynccontextmanager
    async def deliver_messages(self, log_request: LogRequest, port: int) -> AsyncIterator[None]:
        """Deliver messages and ticks, and take messages at a port of this machine, as long as the block."""
        application, directory = self._application, self._messages
        store = MessageStore(application.home)
        deliveries = MessageDeliveries(
            self._watch_releases(all_simulated_releases).current,
            self.find_local_probe,
            store,
            directory,
            application.function_logs,
            partial(_log_delivery, log_request),
            self._limits.processes if self._limits else None,
        )
        handler = create_messages_handler(directory, store, deliveries.refresh, deliveries.call)
        async with serve_messages(handler, port) as url:

            async def find_variables(stack: Stack, resources: DeployedResources) -> Mapping[str, str]:
                return find_message_variables(url, stack, resources)

            self.variable_sources.append(find_variables)
            with announce_address(application.home, url, MESSAGES_FOLDER):
                async with deliveries:
                    yield

    @asynccontextmanager
    async def provide_stores(self, log_request: LogRequest) -> AsyncIterator[None]:
        """Give functions their tables and buckets as long as the block."""
        async with LocalStores(self._application.home, partial(_log_stores, log_request)) as stores:
            self.variable_sources.append(stores.find_variables)
            yield

    @asynccontextmanager
    async def run_containers(
        self, log_request: LogRequest, times: ServiceTimes | None = None
    ) -> AsyncIterator[LocalContainers]:
        """Run the services of all stacks as long as the block."""
        ledger, store = self._application.ledger, MessageStore(self._application.home)
        served = ServedContainers(ledger, self._find_resources, self.variable_sources)
        async with LocalContainers(
            self._watch_releases(all_simulated_releases).current,
            served.find_specs,
            partial(_count_waiting, self._messages, store),
            self._application.function_logs,
            partial(_log_service, log_request),
            times,
        ) as self._containers:
            yield self._containers
        store.close()

    def find_local_probe(self, stack: Stack) -> LocalProbe:
        """Return the probe of a simulated stack."""
        probe = self.find_probe(stack)
        assert isinstance(probe, LocalProbe)  # noqa: S101 - simulated stacks have no others
        return probe

    def _watch_releases(self, read: Callable[[Ledger], Mapping[str, str]]) -> Releases:
        ledger = self._application.ledger
        file = self._application.home / "ledger.db" if isinstance(ledger, SqliteLedger) else None
        return Releases(partial(read, ledger), file)


def _log_delivery(log_request: LogRequest, delivery: DeliveryReport) -> None:
    """Log a call as requests are logged: from where to which function, and with which status."""
    note = f"{delivery.failed} of {delivery.messages} failed" if delivery.failed else ""
    path = f"{delivery.source} -> {delivery.function} ({delivery.messages})"
    status = 500 if delivery.failed else 200
    log_request(RequestLogEntry("DELIVER", path, delivery.stack, status, delivery.seconds, note))


def _count_waiting(directory: MessagingDirectory, store: MessageStore, stack: str, queue: str) -> int:
    """Count the messages that wait, or are worked on, in a queue of a stack."""
    messaging = directory.stacks.get(stack)
    found = next((it for it in messaging.queues if it.name == queue), None) if messaging else None
    counts = store.count(found.holder) if found else MessageCounts()
    return counts.waiting + counts.locked


def _log_service(log_request: LogRequest, stack: str, report: ServiceReport) -> None:
    status = 503 if report.is_failure else 200
    ran = report.is_failure and report.seconds  # so it may have written why
    text = f"{report.text} (see logs {stack} --function {report.service})" if ran else report.text
    log_request(RequestLogEntry("SERVICE", report.service, stack, status, report.seconds, text))


def _log_stores(log_request: LogRequest, stack: Stack, seconds: float, reason: str) -> None:
    """Log that the tables and buckets of a stack are there, or why they are not."""
    status = 503 if reason else 200
    log_request(RequestLogEntry("STORES", "tables and buckets", str(stack), status, seconds, reason))


def open_local_gateway(
    application: ServedApplication,
    variables: Mapping[str, str],
    address: ListenAddress,
    log_request: LogRequest,
    limits: ServingLimits | None,
    host_names: Collection[str],
) -> RunningGateway:
    """Serve every simulated stack and yield the URL; raises RefusedError if the gateway cannot start.

    Messages are taken at the port after that of the gateway, or at another one where it is taken.
    """
    serving = LocalServing(application, variables, limits)
    services, port = serving.open_services(), address[1]

    @asynccontextmanager
    async def run() -> AsyncIterator[str]:
        with ExitStack() as exits:
            folder: Path | None = None
            with suppress(OSError, DeploymentError):  # in a home that cannot be written
                folder = exits.enter_context(make_draft_folder(application.home / "tmp"))
            async with AsyncExitStack() as running:
                await running.enter_async_context(serving.provide_stores(log_request))
                await running.enter_async_context(serving.deliver_messages(log_request, port + 1 if port else 0))
                await running.enter_async_context(serving.run_containers(log_request))
                gateway = open_gateway(services, address, log_request, host_names, body_folder=folder)
                url = await running.enter_async_context(gateway)
                exits.enter_context(announce_address(application.home, url))
                yield url

    return run()


async def read_gateway_keys(
    application: ServedApplication, variables: Mapping[str, str], stack: Stack
) -> Mapping[str, str]:
    """Return the keys of the subscriptions of a simulated gateway, by their names."""
    rules = await LocalServing(application, variables).find_entrance(stack)
    return {key.name: key.value for key in (rules.gateway.keys if rules and rules.gateway else ())}


def open_local_messages(application: ServedApplication, variables: Mapping[str, str]) -> LocalMessages:
    """Return the messages of the queues and topics of simulated stacks."""
    find_source = LocalServing(application, variables).find_local_probe
    return StoredMessages(find_source, MessageStore(application.home))
