"""The services layer: what containers run in, where their images are, and each service with its rights and scaling."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from semantest_iac.domain.blueprints import parts
from semantest_iac.domain.blueprints.parts import secret_ref, stack_variables
from semantest_iac.domain.blueprints.platform.layer import (
    TRACES_REF,
    Layer,
    LayerContext,
    queue_ref,
    service_identity_ref,
    service_ref,
    topic_ref,
)
from semantest_iac.domain.blueprints.platform.private_access import build_private_endpoint
from semantest_iac.domain.blueprints.platform.security import build_service_identities
from semantest_iac.domain.compute.containers import ContainerEnvironment, ContainerService, ImageRegistry
from semantest_iac.domain.environments.platform.service_settings import ServiceBindings, ServiceSettings
from semantest_iac.domain.monitoring.logs_and_alarms import LogSource
from semantest_iac.domain.networking.access_rules import NetworkPart
from semantest_iac.domain.networking.networks import LoadBalancer
from semantest_iac.domain.networking.private_endpoints import PrivateService
from semantest_iac.domain.networking.virtual_networks import VirtualNetwork
from semantest_iac.domain.resource import Ref, Resource
from semantest_iac.domain.security.vaults import AccessRight, RoleAssignment
from semantest_iac.domain.storage.databases import DocumentDatabase, RedisCache, SqlServer

CONTAINERS_REF, REGISTRY_REF, BALANCER_REF = Ref("container-environment"), Ref("image-registry"), Ref("load-balancer")
SERVICE_LOGS_REF = Ref("service-logs")


def build_services(context: LayerContext) -> Layer:
    """Build the environment and the registry, in which a first image can be put, and the services that there are.

    In a network the environment is private, unless everybody may call one of the services.
    """
    services = context.platform.services.services.values()
    logs = context.find_ref(TRACES_REF) or SERVICE_LOGS_REF
    own_logs = parts.build_log_store(SERVICE_LOGS_REF, LogSource.SERVICE, context.settings)
    resources = (
        *context.leave_out_built(parts.build_secrets(context.settings)),
        *([own_logs] if logs == SERVICE_LOGS_REF else []),
        *_build_environment(context, logs),
        *context.leave_out_built(build_service_identities(context)),
        *_build_database_rights(context),
        *(_build_service(it, logs, context) for it in services),
    )
    outputs = {
        "services_environment": (CONTAINERS_REF, "name"),
        "services_registry": (REGISTRY_REF, "address"),
        **{f"services_{it.name.replace('-', '_')}": (service_ref(it.name), "address") for it in services},
    }
    return Layer(resources, outputs)


def _build_environment(context: LayerContext, logs: Ref) -> Iterator[Resource]:
    settings = context.platform.services
    network = context.find_first(VirtualNetwork)
    subnet = context.find_subnet(NetworkPart.APP)
    yield ContainerEnvironment(
        name=CONTAINERS_REF,
        log_store=logs,
        network=network,
        subnet=subnet,
        private=network is not None and not settings.has_public,
        high_availability=settings.high_availability,
        tier=settings.tier,
    )
    yield ImageRegistry(name=REGISTRY_REF, repositories=tuple(settings.services), private=context.is_private)
    yield from build_private_endpoint(context, PrivateService.IMAGES, (REGISTRY_REF,))
    if settings.services:
        yield LoadBalancer(
            name=BALANCER_REF,
            runs_in=CONTAINERS_REF,
            network=network,
            subnet=context.find_subnet(NetworkPart.GATEWAY) if settings.has_public else subnet,
            public=settings.has_public,
        )


def _build_service(service: ServiceSettings, logs: Ref, context: LayerContext) -> ContainerService:
    settings, bindings = context.settings, service.bindings
    lengths = {queue_ref(name): length for name, length in service.queue_lengths.items()}
    variables = {**stack_variables(context.stack), **settings.environment, **service.environment}
    shared = {key: name for key, name in settings.secrets.items() if key not in service.environment}
    secrets = {**shared, **service.secrets}
    return ContainerService(
        name=service_ref(service.name),
        service=service.name,
        runs_in=CONTAINERS_REF,
        identity=service_identity_ref(service.name),
        log_store=logs,
        image=service.image,
        registry=REGISTRY_REF,
        balancer=BALANCER_REF,
        port=service.port,
        cpu=service.cpu,
        memory_mb=service.memory_mb,
        environment={key: value for key, value in variables.items() if key not in secrets},
        secrets={key: secret_ref(name) for key, name in sorted(secrets.items())},
        probe=service.probe,
        scaling=replace(service.scaling, queues=lengths),
        public=service.public,
        reached_by_gateway=context.platform.is_behind_gateway(service.name),
        dapr=context.platform.services.dapr,
        uses=tuple(_find_used(bindings, context)),
        receives_from=tuple(filter(None, (context.find_ref(queue_ref(it)) for it in bindings.receives_from))),
        calls=bindings.calls,
    )


def _build_database_rights(context: LayerContext) -> Iterator[RoleAssignment]:
    for service in context.platform.services.services.values():
        for server in context.find_refs(SqlServer) if service.bindings.database else ():
            yield RoleAssignment(
                name=f"{service_ref(service.name)}-connects-database",
                identity=service_identity_ref(service.name),
                target=server,
                right=AccessRight.CONNECT_DATABASE,
            )


def _find_used(bindings: ServiceBindings, context: LayerContext) -> Iterator[Ref]:
    """Yield what is there of what the service uses; validation refuses what is not."""
    data = {RedisCache: bindings.cache, DocumentDatabase: bindings.documents, SqlServer: bindings.database}
    wanted = (
        *(ref for name in bindings.sends_to for ref in (queue_ref(name), topic_ref(name))),
        *context.find_stores(bindings.tables, bindings.buckets),
        *(ref for kind, is_used in data.items() if is_used for ref in context.find_refs(kind)),
    )
    yield from filter(None, map(context.find_ref, dict.fromkeys(wanted)))
