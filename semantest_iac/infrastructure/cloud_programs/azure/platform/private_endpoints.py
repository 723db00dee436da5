"""Private endpoints with the private DNS zone of their service."""

from __future__ import annotations

from typing import NamedTuple

from pulumi_azure_native import network, privatedns

from semantest_iac.domain.networking.private_endpoints import PrivateEndpoint, PrivateService
from semantest_iac.infrastructure.cloud_programs.azure.foundation import azure_name, common_arguments
from semantest_iac.infrastructure.cloud_programs.cloud import FOUNDATION
from semantest_iac.infrastructure.cloud_programs.context import Outputs, ProgramContext


class _PrivateLink(NamedTuple):
    """The name of a service's zone behind `privatelink.`, and the part of a resource that gets the address."""

    zone: str
    group: str


PRIVATE_LINKS: dict[PrivateService, _PrivateLink] = {
    PrivateService.CACHE: _PrivateLink("redis.azure.net", "redisEnterprise"),
    PrivateService.CONTAINERS: _PrivateLink("{region}.azurecontainerapps.io", "managedEnvironments"),
    PrivateService.DATABASE: _PrivateLink("database.windows.net", "sqlServer"),
    PrivateService.DOCUMENTS: _PrivateLink("documents.azure.com", "Sql"),
    PrivateService.FILES: _PrivateLink("file.core.windows.net", "file"),
    PrivateService.FUNCTIONS: _PrivateLink("azurewebsites.net", "sites"),
    PrivateService.GATEWAY: _PrivateLink("azure-api.net", "Gateway"),
    PrivateService.IMAGES: _PrivateLink("azurecr.io", "registry"),
    PrivateService.MESSAGING: _PrivateLink("servicebus.windows.net", "namespace"),
    PrivateService.OBJECTS: _PrivateLink("blob.core.windows.net", "blob"),
    PrivateService.PIPELINES: _PrivateLink("datafactory.azure.net", "dataFactory"),
    PrivateService.QUEUES: _PrivateLink("queue.core.windows.net", "queue"),
    PrivateService.SECRETS: _PrivateLink("vaultcore.azure.net", "vault"),
    PrivateService.TABLES: _PrivateLink("table.core.windows.net", "table"),
    PrivateService.WEB_SOCKETS: _PrivateLink("webpubsub.azure.com", "webpubsub"),
}
"""Source: Azure's page on the DNS zones of private endpoints."""


def create_private_endpoint(endpoint: PrivateEndpoint, context: ProgramContext) -> Outputs:
    """Create an endpoint for each target, and one zone for all of them, which the network asks for their names."""
    link = PRIVATE_LINKS[endpoint.service]
    outside_regions = {**common_arguments(context), "location": "global"}
    zone = privatedns.PrivateZone(
        endpoint.name,
        private_zone_name=f"privatelink.{link.zone.format(region=context.stack.region)}",
        **outside_regions,
        opts=context.options(),
    )
    privatedns.VirtualNetworkLink(
        endpoint.name,
        virtual_network_link_name=azure_name("dns link", context),
        private_zone_name=zone.name,
        virtual_network={"id": context.outputs[endpoint.network]["id"]},
        registration_enabled=False,
        **outside_regions,
        opts=context.options(),
    )
    for target in endpoint.targets:
        _create_endpoint(endpoint, target, zone, context)
    return {"zone": zone.name}


def _create_endpoint(
    endpoint: PrivateEndpoint, target: str, zone: privatedns.PrivateZone, context: ProgramContext
) -> None:
    """Create an endpoint, whose address the zone then has under the name of the target."""
    name = f"{endpoint.name}-{target}"
    link = PRIVATE_LINKS[endpoint.service]
    created = network.PrivateEndpoint(
        name,
        private_endpoint_name=azure_name("private endpoint", context, name),
        subnet={"id": context.outputs[endpoint.subnet]["subnet_id"]},
        private_link_service_connections=[
            {"name": "target", "private_link_service_id": context.outputs[target]["id"], "group_ids": [link.group]}
        ],
        custom_network_interface_name=azure_name("network interface", context, name),
        **common_arguments(context),
        opts=context.options(),
    )
    network.PrivateDnsZoneGroup(
        name,
        private_dns_zone_group_name="default",
        private_endpoint_name=created.name,
        private_dns_zone_configs=[{"name": endpoint.service.value, "private_dns_zone_id": zone.id}],
        resource_group_name=context.outputs[FOUNDATION]["group"],
        opts=context.options(),
    )
