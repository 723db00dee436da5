"""Public zones of Azure DNS."""

from __future__ import annotations

from pulumi_azure_native import dns

from semantest_iac.domain.networking.custom_domains import DnsZone
from semantest_iac.infrastructure.cloud_programs.cloud import FOUNDATION
from semantest_iac.infrastructure.cloud_programs.context import Outputs, ProgramContext


def create_dns_zone(zone: DnsZone, context: ProgramContext) -> Outputs:
    """Create a public zone."""
    created = dns.Zone(
        zone.name,
        zone_name=zone.zone,
        zone_type="Public",
        location="global",
        resource_group_name=context.outputs[FOUNDATION]["group"],
        tags=context.tags,
        opts=context.options(),
    )
    return {"id": created.id, "name": created.name, "name_servers": created.name_servers}
