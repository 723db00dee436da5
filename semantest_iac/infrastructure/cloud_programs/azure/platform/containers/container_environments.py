"""The environment of container apps, whose ingress is their load balancer, and the registry of images."""

from __future__ import annotations

from typing import Any

import pulumi
from pulumi_azure_native import app, containerregistry, monitor, privatedns

from semantest_iac.domain.compute.containers import ContainerEnvironment, ImageRegistry
from semantest_iac.domain.networking.networks import LoadBalancer
from semantest_iac.infrastructure.cloud_programs.azure.foundation import (
    azure_name,
    common_arguments,
    globally_unique_name,
)
from semantest_iac.infrastructure.cloud_programs.cloud import FOUNDATION
from semantest_iac.infrastructure.cloud_programs.context import Outputs, ProgramContext
from semantest_iac.infrastructure.clouds.plan.azure_container_sizes import DEDICATED_TIERS

CONSUMPTION_PROFILE, DEDICATED_PROFILE = "Consumption", "dedicated"
_DEDICATED_MACHINES = (1, 10)
_RECORD_TTL_S = 300


def create_container_environment(environment: ContainerEnvironment, context: ProgramContext) -> Outputs:
    """Create an environment with workload profiles; what of it is private is fixed then.

    Only with such profiles its traffic leaves through a NAT gateway, and none can be added later to one without. Logs
    go by a diagnostic setting, because everything else needs the key of the workspace.
    """
    created = app.ManagedEnvironment(
        environment.name,
        environment_name=azure_name("container environment", context),
        workload_profiles=_describe_profiles(environment),
        vnet_configuration=_describe_network(environment, context),
        zone_redundant=environment.high_availability if environment.subnet else None,
        public_network_access="Disabled" if environment.private else "Enabled",
        app_logs_configuration={"destination": "azure-monitor"},
        **common_arguments(context),
        opts=context.options(),
    )
    monitor.DiagnosticSetting(
        environment.name,
        name="logs",
        resource_uri=created.id,
        workspace_id=context.outputs[environment.log_store]["workspace"],
        logs=[{"category_group": "allLogs", "enabled": True}],
        opts=context.options(),
    )
    if environment.private and environment.network:
        _create_names(environment, created, context)
    return {
        "id": created.id,
        "name": created.name,
        "address": created.default_domain,
        "is_private": environment.private,
        "profile": DEDICATED_PROFILE if environment.tier in DEDICATED_TIERS else CONSUMPTION_PROFILE,
    }


def _describe_profiles(environment: ContainerEnvironment) -> list[dict[str, Any]]:
    """Return the profile that is paid by use, which must be there from the beginning, and one of machines by tier."""
    profiles: list[dict[str, Any]] = [{"name": CONSUMPTION_PROFILE, "workload_profile_type": CONSUMPTION_PROFILE}]
    if size := DEDICATED_TIERS.get(environment.tier):
        least, most = _DEDICATED_MACHINES
        machines = {"minimum_count": least, "maximum_count": most}
        profiles.append({"name": DEDICATED_PROFILE, "workload_profile_type": size, **machines})
    return profiles


def _describe_network(environment: ContainerEnvironment, context: ProgramContext) -> dict[str, Any] | None:
    if environment.subnet is None:
        return None
    subnet = context.outputs[environment.subnet]["subnet_id"]
    return {"infrastructure_subnet_id": subnet, "internal": environment.private}


def _create_names(environment: ContainerEnvironment, created: app.ManagedEnvironment, context: ProgramContext) -> None:
    """Let the network find every app of a private environment: Azure gives its domain no zone."""
    outside_regions = {**common_arguments(context), "location": "global"}
    zone = privatedns.PrivateZone(
        environment.name,
        private_zone_name=created.default_domain,
        **outside_regions,
        opts=context.options(),
    )
    privatedns.VirtualNetworkLink(
        environment.name,
        virtual_network_link_name=azure_name("dns link", context),
        private_zone_name=zone.name,
        virtual_network={"id": context.outputs[environment.network or ""]["id"]},
        registration_enabled=False,
        **outside_regions,
        opts=context.options(),
    )
    privatedns.PrivateRecordSet(
        environment.name,
        private_zone_name=zone.name,
        record_type="A",
        relative_record_set_name="*",
        ttl=_RECORD_TTL_S,
        a_records=[{"ipv4_address": created.static_ip}],
        resource_group_name=context.outputs[FOUNDATION]["group"],
        opts=context.options(),
    )


def create_image_registry(registry: ImageRegistry, context: ProgramContext) -> Outputs:
    """Create a registry without an administrator; only its Premium tier has private endpoints.

    A repository is there as soon as an image is pushed to it.
    """
    created = containerregistry.Registry(
        registry.name,
        registry_name=globally_unique_name("registry", context),
        sku={"name": "Premium" if registry.private else "Basic"},
        admin_user_enabled=False,
        public_network_access="Disabled" if registry.private else "Enabled",
        **common_arguments(context),
        opts=context.options(),
    )
    return {"id": created.id, "name": created.name, "address": created.login_server}


def use_ingress(balancer: LoadBalancer, context: ProgramContext) -> Outputs:
    """Create nothing: the environment distributes the requests to its apps itself."""
    domain: pulumi.Output[str] = context.outputs[balancer.runs_in]["address"]
    return {"address": domain}
