"""The resource group and key vault of a stack, and names within Azure's limits.

Source of the limits: the rules for names in Azure's documentation and in the validators of Terraform's provider.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeVar
from uuid import NAMESPACE_URL, uuid5

import pulumi
from pulumi_azure_native import authorization, keyvault, resources

from semantest_iac.domain.blueprints.blueprint import Blueprint
from semantest_iac.domain.compute.containers import ContainerService
from semantest_iac.domain.monitoring.logs_and_alarms import LogStore
from semantest_iac.domain.monitoring.observability import LogWorkspace
from semantest_iac.domain.networking.apis import HttpApi
from semantest_iac.domain.resource import Resource
from semantest_iac.domain.security.access import AppSecret
from semantest_iac.infrastructure.cloud_programs.azure.shared_apps import (
    find_payload,
    is_called_inside_network,
    list_event_triggers,
    list_routes,
    list_trigger_sources,
)
from semantest_iac.infrastructure.cloud_programs.cloud import FOUNDATION
from semantest_iac.infrastructure.cloud_programs.context import Outputs, ProgramContext
from semantest_iac.infrastructure.clouds.azure_rules import has_gateway, round_vault_recovery

_MAX_NAME_LENGTHS = {
    "front door": 90,
    "front endpoint": 46,
    "static site": 60,
    "web firewall": 128,
    "action group": 260,
    "alarm": 260,
    "app": 60,
    "broker": 50,
    "cache": 63,
    "bastion": 80,
    "component": 255,
    "container": 63,
    "container environment": 60,
    "container service": 32,
    "documents": 44,
    "ddos plan": 80,
    "dns link": 80,
    "firewall policy": 80,
    "firewall": 56,
    "factory": 63,
    "gateway": 50,
    "group": 90,
    "hub": 63,
    "identity": 128,
    "nat gateway": 80,
    "network interface": 80,
    "network": 64,
    "plan": 40,
    "private endpoint": 80,
    "public address": 80,
    "registry": 50,
    "route table": 80,
    "security group": 80,
    "sql server": 63,
    "storage": 24,
    "vault": 24,
    "workflow": 43,
    "workspace": 63,
}
_UNHYPHENATED = ("registry", "storage")


def azure_name(kind: str, context: ProgramContext, purpose: str = "") -> str:
    """Return a name that is unique within the stack's resource group."""
    return context.physical_name(purpose, limit=_MAX_NAME_LENGTHS[kind])


def globally_unique_name(kind: str, context: ProgramContext, purpose: str = "") -> pulumi.Output[str]:
    """Return a name that is unique worldwide, because it becomes a host name."""
    subscription: pulumi.Output[str] = context.outputs[FOUNDATION]["subscription"]
    return subscription.apply(lambda account: _format_name(kind, context, purpose, account))


def _format_name(kind: str, context: ProgramContext, purpose: str, account: str) -> str:
    name = context.physical_name(purpose, limit=_MAX_NAME_LENGTHS[kind], account=account)
    return name.replace("-", "") if kind in _UNHYPHENATED else name


def make_guid(name: str, context: ProgramContext) -> str:
    """Return the same GUID for a name in every attempt of a generation, for what Azure names by GUIDs."""
    return str(uuid5(NAMESPACE_URL, f"{context.stack}:{context.generation}:{name}"))


def common_arguments(context: ProgramContext) -> dict[str, Any]:
    """Return the arguments of every resource that lies in the stack's region."""
    group = context.outputs[FOUNDATION]["group"]
    return {"resource_group_name": group, "location": context.stack.region, "tags": context.tags}


KindT = TypeVar("KindT", bound=Resource)


def create_foundation(blueprint: Blueprint, context: ProgramContext) -> Outputs:
    """Create the resource group; deleting it deletes everything in it, so it is kept if logs are kept."""
    client = authorization.get_client_config_output(opts=pulumi.InvokeOutputOptions(parent=context.parent))
    keeps = any(it.keep for it in blueprint.resources if isinstance(it, LogStore | LogWorkspace))
    group = resources.ResourceGroup(
        FOUNDATION,
        resource_group_name=azure_name("group", context),
        location=context.stack.region,
        tags=context.tags,
        opts=context.options(retain_on_delete=keeps or None),
    )
    outputs = {"group": group.name, "subscription": client.subscription_id, "tenant": client.tenant_id}
    context.outputs[FOUNDATION] = outputs  # globally unique names need it
    secrets = [secret for secret in _resources_of(AppSecret, blueprint) if secret.vault is None]
    vault = _create_own_vault(secrets[0], context) if secrets else None
    return {
        **outputs,
        "vault": vault,
        "has_gateway": has_gateway(blueprint),
        "outer_services": [it.service for it in _resources_of(ContainerService, blueprint) if it.is_reached_outside],
        "cors": _cors_configuration(blueprint),
        "payload": find_payload(blueprint),
        "routes": list_routes(blueprint),
        "triggers": list_event_triggers(blueprint),
        "trigger_sources": list_trigger_sources(blueprint),
        "called_inside_network": is_called_inside_network(blueprint),
    }


def _cors_configuration(blueprint: Blueprint) -> dict[str, Any] | None:
    """Return the CORS rules of the app itself, none if it is behind a gateway."""
    rules = [api.cors for api in _resources_of(HttpApi, blueprint) if api.cors]
    if has_gateway(blueprint) or not rules:
        return None
    return {"allowed_origins": list(rules[0].origins), "support_credentials": rules[0].credentials}


def _create_own_vault(secret: AppSecret, context: ProgramContext) -> keyvault.Vault:
    """Create the vault of the stack's own secrets, with purge protection in production only."""
    return create_vault(FOUNDATION, "", secret.recovery_days, context.base_environment == "production", context)


def create_vault(
    name: str, purpose: str, recovery_days: int, purge_protection: bool, context: ProgramContext, **properties: Any
) -> keyvault.Vault:
    """Create a vault whose secrets are read with roles; purge protection is irreversible, and `false` is refused."""
    return keyvault.Vault(
        name,
        vault_name=globally_unique_name("vault", context, purpose),
        properties={
            "tenant_id": context.outputs[FOUNDATION]["tenant"],
            "sku": {"family": "A", "name": "standard"},
            "enable_rbac_authorization": True,
            "soft_delete_retention_in_days": round_vault_recovery(recovery_days),
            "enable_purge_protection": purge_protection or None,
            **properties,
        },
        **common_arguments(context),
        opts=context.options(),
    )


def _resources_of(kind: type[KindT], blueprint: Blueprint) -> Iterator[KindT]:
    return (resource for resource in blueprint.resources if isinstance(resource, kind))
