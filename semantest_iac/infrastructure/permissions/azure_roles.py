"""The custom role that a deployment to Azure needs, the built-in roles that cover it, and what its identities may do.

Operations follow from the ids of resources: every type has `read`, `write` and `delete` (Azure's page on resource
provider operations); what else a type needs is in a table.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.environments.settings import ComponentSettings
from semantest_iac.domain.errors import RefusedError
from semantest_iac.domain.ports.permission_rules import PermissionRules
from semantest_iac.domain.resource import DeployedResource
from semantest_iac.domain.security.permissions import (
    GrantedPermissions,
    Permission,
    PermissionPattern,
    RunGrant,
    StackPermissions,
    read_names,
)

_ROLE_ASSIGNMENT_TYPE = "azure-native:authorization:RoleAssignment"
_GROUP_TYPE = "azure-native:resources:ResourceGroup"
_GROUP_OPERATIONS = "Microsoft.Resources/subscriptions/resourceGroups"
_PROVIDER_PATH = re.compile(r"/providers/(?P<path>.*)$", re.IGNORECASE)
_VERBS = ("read", "write", "delete")

_PRIVATE_TARGETS = (
    *("Microsoft.Cache/redisEnterprise", "Microsoft.ContainerRegistry/registries"),
    *("Microsoft.DocumentDB/databaseAccounts", "Microsoft.KeyVault/vaults"),
    *("Microsoft.ServiceBus/namespaces", "Microsoft.Sql/servers", "Microsoft.Storage/storageAccounts"),
    "Microsoft.Web/sites",
)
"""Whose owner has to approve a private endpoint; source: Azure's page on permissions for Private Link."""

_ASSIGN_IDENTITY = "Microsoft.ManagedIdentity/userAssignedIdentities/assign/action"
_OTHER_OPERATIONS: Mapping[str, tuple[str, ...]] = {
    "Microsoft.Storage/storageAccounts": ("Microsoft.Storage/storageAccounts/listKeys/action",),  # the gateway's key
    "Microsoft.Web/sites": (
        *("Microsoft.Web/sites/config/read", "Microsoft.Web/sites/config/write"),
        "Microsoft.Web/sites/config/list/action",
        "Microsoft.Web/sites/host/listKeys/action",  # the key by which Web PubSub calls the app
        "Microsoft.Web/sites/publish/action",  # the package
        "Microsoft.Web/serverfarms/join/action",
        _ASSIGN_IDENTITY,
    ),
    "Microsoft.App/containerApps": (*("Microsoft.App/managedEnvironments/join/action", _ASSIGN_IDENTITY),),
    "Microsoft.App/managedEnvironments": ("Microsoft.Network/virtualNetworks/subnets/join/action",),
    "Microsoft.Web/staticSites": (
        *("Microsoft.Web/staticSites/zipdeploy/action", "Microsoft.Web/staticSites/builds/read"),
        "Microsoft.Storage/storageAccounts/listServiceSas/action",  # the address of the files
    ),
    "Microsoft.Network/virtualNetworks/subnets": (
        "Microsoft.Network/virtualNetworks/subnets/join/action",
        "Microsoft.Network/networkSecurityGroups/join/action",
        "Microsoft.Network/natGateways/join/action",
        "Microsoft.Network/routeTables/join/action",
    ),
    "Microsoft.Network/virtualNetworks": ("Microsoft.Network/ddosProtectionPlans/join/action",),
    "Microsoft.Network/natGateways": ("Microsoft.Network/publicIPAddresses/join/action",),
    "Microsoft.Network/azureFirewalls": (
        *("Microsoft.Network/firewallPolicies/join/action", "Microsoft.Network/publicIPAddresses/join/action"),
        "Microsoft.Network/virtualNetworks/subnets/join/action",
    ),
    "Microsoft.Network/bastionHosts": (
        *("Microsoft.Network/publicIPAddresses/join/action", "Microsoft.Network/virtualNetworks/subnets/join/action"),
    ),
    "Microsoft.Network/privateDnsZones/virtualNetworkLinks": ("Microsoft.Network/virtualNetworks/join/action",),
    "Microsoft.Network/privateEndpoints/privateDnsZoneGroups": ("Microsoft.Network/privateDnsZones/join/action",),
    "Microsoft.Network/privateEndpoints": (
        "Microsoft.Network/virtualNetworks/subnets/join/action",
        *(f"{it}/privateEndpointConnectionsApproval/action" for it in _PRIVATE_TARGETS),
    ),
}


_PUSH_OPERATIONS = (
    "Microsoft.ContainerRegistry/registries/pull/read",
    "Microsoft.ContainerRegistry/registries/push/write",
)
"""What a push of an image needs, as the role AcrPush has it; source: Azure's page on roles of Container Registry."""

_CANARY_OPERATIONS = (
    "Microsoft.AlertsManagement/alerts/read",
    "Microsoft.OperationalInsights/workspaces/query/AppRequests/read",
    "Microsoft.OperationalInsights/workspaces/query/read",
)
"""What is read of a new version; source: Azure's page on access to workspaces (rights to query a table)."""


class _BuiltInRole(NamedTuple):
    """A role of Azure's own; source: Azure's pages on built-in roles, as of 2026."""

    name: str
    actions: tuple[str, ...]
    not_actions: tuple[str, ...] = ()


_DIAGNOSTICS = "Microsoft.Insights/diagnosticSettings/*"
_IDENTITIES = "Microsoft.ManagedIdentity/userAssignedIdentities"
_ACCESS = ("Microsoft.Authorization/*/Delete", "Microsoft.Authorization/*/Write")
BUILT_IN_ROLES = (
    _BuiltInRole("API Management Service Contributor", ("Microsoft.ApiManagement/service/*",)),
    _BuiltInRole("CDN Profile Contributor", ("Microsoft.Cdn/profiles/*",)),
    _BuiltInRole("DNS Zone Contributor", ("Microsoft.Network/dnsZones/*",)),
    _BuiltInRole("Data Factory Contributor", ("Microsoft.DataFactory/*",)),
    _BuiltInRole("Logic App Contributor", ("Microsoft.Logic/*",)),
    _BuiltInRole("Key Vault Contributor", ("Microsoft.KeyVault/*",)),
    _BuiltInRole(
        "Log Analytics Contributor", ("Microsoft.OperationalInsights/*", "Microsoft.Insights/diagnosticSettings/*")
    ),
    _BuiltInRole(
        "Managed Identity Contributor", tuple(f"Microsoft.ManagedIdentity/userAssignedIdentities/{it}" for it in _VERBS)
    ),
    _BuiltInRole("Managed Identity Operator", ("Microsoft.ManagedIdentity/userAssignedIdentities/*/assign/action",)),
    _BuiltInRole("Monitoring Reader", ("Microsoft.AlertsManagement/alerts/read",)),
    _BuiltInRole("Azure Service Bus Data Owner", ("Microsoft.ServiceBus/*",)),
    _BuiltInRole("Network Contributor", ("Microsoft.Network/*",)),
    _BuiltInRole("Role Based Access Control Administrator", ("Microsoft.Authorization/roleAssignments/*",)),
    _BuiltInRole("SignalR/Web PubSub Contributor", ("Microsoft.SignalRService/*",)),
    _BuiltInRole(
        "Storage Account Contributor",
        ("Microsoft.Storage/storageAccounts/*", _DIAGNOSTICS),
    ),
    _BuiltInRole("Web Plan Contributor", ("Microsoft.Web/serverFarms/*",)),
    _BuiltInRole(
        "Website Contributor",
        (
            "Microsoft.Web/sites/*",
            "Microsoft.Web/staticSites/*",
            "Microsoft.Web/serverFarms/join/action",
            "Microsoft.Insights/components/*",
        ),
    ),
    _BuiltInRole("Contributor", ("*",), _ACCESS),
)
"""Those that cover what deployments need; of each, the actions that matter for it."""


class _RunRole(NamedTuple):
    """A role that identities get, the feature that uses it, and a check of `_find_used`."""

    name: str
    feature: str
    check: str
    note: str = ""


_QUEUES_NOTE = "the host uses queues for triggers of blobs and queues only (Azure's page on AzureWebJobsStorage)"
RUN_ROLES: Mapping[str, _RunRole] = {
    "b7e6dc6d-f1e8-4753-8033-0f276bb0955b": _RunRole(
        "Storage Blob Data Owner", "the host's storage, and the package", "always"
    ),
    "974c5e8b-45b9-4653-ba55-5f855dd0fb88": _RunRole(
        "Storage Queue Data Contributor", "triggers of blobs and queues", "never", _QUEUES_NOTE
    ),
    "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3": _RunRole(
        "Storage Table Data Contributor", "diagnostic events of the host, connections of a WebSocket API", "always"
    ),
    "3913510d-42f4-4e42-8a64-420c390055eb": _RunRole("Monitoring Metrics Publisher", "telemetry", "always"),
    "4633458b-17de-408a-b874-0445c86b69e6": _RunRole("Key Vault Secrets User", "secrets of the environment", "secrets"),
    "ba92f5b4-2d11-453d-a403-e96b0029c9fe": _RunRole(
        "Storage Blob Data Contributor", "objects of the platform", "platform"
    ),
    "12cf5a90-567b-43ae-8102-96cf46c7d9b4": _RunRole(
        "Web PubSub Service Owner", "messages to clients of the WebSocket API", "websocket"
    ),
    "673868aa-7521-48a0-acc6-0f60742d39f5": _RunRole(
        "Data Factory Contributor", "runs of the data pipeline", "platform"
    ),
    "69a216fc-b8fb-44d8-bc22-1f3c2cd27a39": _RunRole(
        "Azure Service Bus Data Sender", "messages to what functions send to", "messages"
    ),
    "4f6d3b9b-027b-4f4c-9142-0e5a2a2247e0": _RunRole(
        "Azure Service Bus Data Receiver", "messages that call functions, or that services take", "messages"
    ),
    "090c5cfd-751d-490a-894a-3ce6f1109419": _RunRole(
        "Azure Service Bus Data Owner", "waiting messages by which services scale", "services"
    ),
    "7f951dda-4ed3-4680-a7ca-43fe172d538d": _RunRole("AcrPull", "images of services", "services"),
}


def describe_roles(
    stack: Stack, settings: ComponentSettings, resources: Sequence[DeployedResource]
) -> StackPermissions:
    """Return what deploying these resources needs, and which roles are assigned to their identities."""
    more = (*(_CANARY_OPERATIONS if settings.canary else ()), *(_PUSH_OPERATIONS if settings.built_services else ()))
    actions = tuple(sorted({*more, *(action for it in resources for action in list_role_operations(it))}))
    group = next((str(it.outputs.get("name", "")) for it in resources if it.type == _GROUP_TYPE), "")
    in_subscription = tuple(it for it in actions if it.startswith(_GROUP_OPERATIONS))
    scope = "/subscriptions/<subscription>"
    needed = [
        Permission(in_subscription, (scope,)),
        Permission(tuple(it for it in actions if it not in in_subscription), (f"{scope}/resourceGroups/{group}",)),
    ]
    document = {
        "Name": f"Deploy {stack}",
        "IsCustom": True,
        "Description": f"What deploying {stack} needs.",
        "Actions": list(actions),
        "NotActions": [],
        "AssignableScopes": [scope],
    }
    return StackPermissions(
        str(stack),
        tuple(needed),
        document,
        tuple(_list_grants(settings, resources)),
        built_in_roles=tuple(_choose_built_in_roles(actions)),
    )


def list_role_operations(resource: DeployedResource) -> tuple[str, ...]:
    """Return the operations that creating, reading, updating and deleting a resource needs."""
    arm_type = _find_arm_type(resource.id)
    return (*(f"{arm_type}/{verb}" for verb in _VERBS), *_OTHER_OPERATIONS.get(arm_type, ()))


def _find_arm_type(resource_id: str) -> str:
    """Return the type in Azure's own names: the namespace behind the last `providers`, and every other segment."""
    _, of_provider, path = resource_id.rpartition("/providers/")
    namespace, *rest = path.split("/")
    return "/".join((namespace, *rest[::2])) if of_provider else _GROUP_OPERATIONS


def read_granted_roles(document: Any) -> GrantedPermissions:
    """Read a role definition as `az role definition list` prints it, or a list of them; raises RefusedError.

    What a role leaves out, another one may grant.
    """
    return GrantedPermissions(
        tuple(
            _read_role_part(part)
            for one in (document if isinstance(document, list) else [document])
            for part in _find_role_parts(one)
        )
    )


def _read_role_part(part: Any) -> PermissionPattern:
    known = {str(key).lower(): value for key, value in part.items()} if isinstance(part, Mapping) else {}
    actions, not_actions = read_names(known.get("actions")), read_names(known.get("notactions"))
    if not known or actions is None or not_actions is None:
        raise _unreadable_role("its actions must be texts, or lists of texts")
    return PermissionPattern(actions, not_actions=not_actions)


def _find_role_parts(role: Any) -> Sequence[Any]:
    inner = role.get("properties", role) if isinstance(role, Mapping) else None
    if isinstance(inner, Mapping):
        if isinstance(permissions := inner.get("permissions"), list):
            return permissions
        if "Actions" in inner or "actions" in inner:
            return [inner]
    raise _unreadable_role("it has no actions")


def _unreadable_role(why: str) -> RefusedError:
    hint = "`az role definition list --name NAME` prints one."
    return RefusedError(f"Cannot read the role: {why}.", "POLICY_UNREADABLE", hint=hint)


def _choose_built_in_roles(actions: Sequence[str]) -> Iterator[tuple[str, int]]:
    """Yield the fewest narrow roles, and Contributor for what none of them has."""
    rest = dict.fromkeys(actions)
    for role in BUILT_IN_ROLES:
        covered = [action for action in rest if _has_action(role, action)]
        if covered:
            yield role.name, len(covered)
            rest = dict.fromkeys(action for action in rest if action not in covered)


def _has_action(role: _BuiltInRole, action: str) -> bool:
    given = any(fnmatchcase(action.lower(), pattern.lower()) for pattern in role.actions)
    return given and not any(fnmatchcase(action.lower(), pattern.lower()) for pattern in role.not_actions)


def _list_grants(settings: ComponentSettings, resources: Sequence[DeployedResource]) -> Iterator[RunGrant]:
    identities = {_find_principal(it): str(it.outputs.get("name", it.name)) for it in resources if _find_principal(it)}
    for resource in resources:
        if resource.type != _ROLE_ASSIGNMENT_TYPE:
            continue
        outputs = {**resource.inputs, **resource.outputs}
        role = RUN_ROLES.get(str(outputs["roleDefinitionId"]).rpartition("/")[2])
        name = identities.get(str(outputs["principalId"]), str(outputs["principalId"]))
        scope = _shorten_scope(str(outputs["scope"]))
        if role is None:
            yield RunGrant(name, Permission((str(outputs["roleDefinitionId"]),), (scope,)), "")
            continue
        used = role.feature if _find_used(settings)[role.check] else ""
        yield RunGrant(name, Permission((role.name,), (scope,)), used, role.note)


def _find_principal(resource: DeployedResource) -> str:
    identity = resource.outputs.get("identity")
    found = resource.outputs.get("principalId") if resource.type != _ROLE_ASSIGNMENT_TYPE else None
    return str(found or (identity.get("principalId") if isinstance(identity, Mapping) else "") or "")


def _shorten_scope(scope: str) -> str:
    match = _PROVIDER_PATH.search(scope)
    return match["path"] if match else scope


def _find_used(settings: ComponentSettings) -> Mapping[str, bool]:
    return {
        "always": True,
        "never": False,
        "secrets": bool(settings.secret_keys) or settings.platform is not None,
        "platform": settings.platform is not None,
        "websocket": settings.type == "websocket",
        "messages": settings.uses_messages or settings.has_services,
        "services": settings.has_services,
    }


AZURE_PERMISSIONS = PermissionRules(describe_roles, read_granted_roles)
