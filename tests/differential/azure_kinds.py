"""A handful of Azure resources: everything lives in a resource group, and only location and name are for ever."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from pulumi_azure_native import authorization, managedidentity, operationalinsights, resources, storage, webpubsub

from tests.differential.sites import Kind, Site

MODULES = (authorization, managedidentity, operationalinsights, resources, storage, webpubsub)
_LOCATIONS = ("westeurope", "northeurope", "eastus")
_READER = "/providers/Microsoft.Authorization/roleDefinitions/acdd72a7-3385-48ef-bd42-f606fba81ae7"


def _group(site: Site) -> Any:
    return resources.ResourceGroup(
        site.name,
        resource_group_name=site.physical,
        location=_LOCATIONS[site.piece.shape],
        tags={"label": site.label},
        opts=site.options,
    )


def _identity(site: Site) -> Any:
    return managedidentity.UserAssignedIdentity(
        site.name,
        resource_name_=site.physical,
        resource_group_name=site.used.name,
        location=_LOCATIONS[site.piece.shape],
        tags={"label": site.label},
        opts=site.options,
    )


def _assignment(site: Site) -> Any:
    """Its name is a GUID, and nothing of it changes in place."""
    return authorization.RoleAssignment(
        site.name,
        role_assignment_name=str(uuid5(NAMESPACE_URL, site.physical)) if site.physical else None,
        scope=site.used.id,
        role_definition_id=_READER,
        principal_id=site.used.principal_id,
        principal_type="ServicePrincipal",
        description=f"v{site.piece.shape}",
        opts=site.options,
    )


def _workspace(site: Site) -> Any:
    return operationalinsights.Workspace(
        site.name,
        workspace_name=site.physical,
        resource_group_name=site.used.name,
        location=_LOCATIONS[site.piece.shape],
        sku={"name": "PerGB2018"},
        retention_in_days=30 + site.piece.label,
        tags={"label": site.label},
        opts=site.options,
    )


def _storage(site: Site) -> Any:
    return storage.StorageAccount(
        site.name.replace("-", ""),
        account_name=site.physical.replace("-", "") if site.physical else None,
        resource_group_name=site.used.name,
        location=_LOCATIONS[site.piece.shape],
        kind="StorageV2",
        sku={"name": ("Standard_LRS", "Standard_ZRS", "Standard_GRS")[site.piece.label]},
        tags={"label": site.label},
        opts=site.options,
    )


def _table(site: Site) -> Any:
    return storage.Table(
        site.name,
        table_name=f"t{site.piece.id}{site.piece.shape}",
        account_name=site.used.name,
        resource_group_name=_group_of(site),
        opts=site.options,
    )


def _pubsub(site: Site) -> Any:
    return webpubsub.WebPubSub(
        site.name,
        resource_name_=site.physical,
        resource_group_name=site.used.name,
        location=_LOCATIONS[site.piece.shape],
        sku={"name": "Standard_S1", "tier": "Standard", "capacity": 1 + site.piece.label},
        identity={"type": "SystemAssigned"},
        tags={"label": site.label},
        opts=site.options,
    )


def _hub(site: Site) -> Any:
    handler = {"url_template": site.kept(f"https://example.org/v{site.piece.label}"), "system_events": ["connect"]}
    return webpubsub.WebPubSubHub(
        site.name,
        hub_name=f"h{site.piece.id}",
        resource_name_=site.used.name,
        resource_group_name=_group_of(site),
        properties={
            "anonymous_connect_policy": ("allow", "deny")[site.piece.shape % 2],
            "event_handlers": [handler],
        },
        opts=site.options,
    )


def _group_of(site: Site) -> Any:
    """That of what it uses, by its id: nothing else says so."""
    return site.used.id.apply(lambda id_: id_.split("/")[4])


_IN_GROUP = ("tags", "tags.label", "location")
KINDS: Mapping[str, Kind] = {
    "azure_group": Kind(_group, "", ("azureApiVersion",), _IN_GROUP, named=True),
    "azure_identity": Kind(_identity, "azure_group", ("principalId",), _IN_GROUP),
    "azure_assignment": Kind(_assignment, "azure_identity", (), ("description",)),
    "azure_workspace": Kind(_workspace, "azure_group", ("customerId",), (*_IN_GROUP, "retentionInDays", "sku")),
    "azure_table": Kind(_table, "azure_storage", (), ("tableName",)),
    "azure_pubsub": Kind(_pubsub, "azure_group", ("hostName", "identity"), (*_IN_GROUP, "sku", "sku.capacity")),
    "azure_hub": Kind(_hub, "azure_pubsub", (), ("properties", "properties.eventHandlers")),
    "azure_storage": Kind(_storage, "azure_group", ("primaryEndpoints",), (*_IN_GROUP, "sku")),
}
