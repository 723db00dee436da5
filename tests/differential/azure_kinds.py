"""Some Azure resources: all are in a resource group, and only a new location or name replaces them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from pulumi_azure_native import authorization, managedidentity, operationalinsights, resources, storage, webpubsub

from tests.differential.kinds import Kind, ResourceContext

MODULES = (authorization, managedidentity, operationalinsights, resources, storage, webpubsub)
_LOCATIONS = ("westeurope", "northeurope", "eastus")
_READER = "/providers/Microsoft.Authorization/roleDefinitions/acdd72a7-3385-48ef-bd42-f606fba81ae7"


def _group(context: ResourceContext) -> Any:
    return resources.ResourceGroup(
        context.name,
        resource_group_name=context.physical,
        location=_LOCATIONS[context.spec.shape],
        tags={"label": context.label},
        opts=context.options,
    )


def _identity(context: ResourceContext) -> Any:
    return managedidentity.UserAssignedIdentity(
        context.name,
        resource_name_=context.physical,
        resource_group_name=context.used.name,
        location=_LOCATIONS[context.spec.shape],
        tags={"label": context.label},
        opts=context.options,
    )


def _assignment(context: ResourceContext) -> Any:
    """Its name is a GUID, and none of its properties can be updated."""
    return authorization.RoleAssignment(
        context.name,
        role_assignment_name=str(uuid5(NAMESPACE_URL, context.physical)) if context.physical else None,
        scope=context.used.id,
        role_definition_id=_READER,
        principal_id=context.used.principal_id,
        principal_type="ServicePrincipal",
        description=f"v{context.spec.shape}",
        opts=context.options,
    )


def _workspace(context: ResourceContext) -> Any:
    return operationalinsights.Workspace(
        context.name,
        workspace_name=context.physical,
        resource_group_name=context.used.name,
        location=_LOCATIONS[context.spec.shape],
        sku={"name": "PerGB2018"},
        retention_in_days=30 + context.spec.label,
        tags={"label": context.label},
        opts=context.options,
    )


def _storage(context: ResourceContext) -> Any:
    return storage.StorageAccount(
        context.name.replace("-", ""),
        account_name=context.physical.replace("-", "") if context.physical else None,
        resource_group_name=context.used.name,
        location=_LOCATIONS[context.spec.shape],
        kind="StorageV2",
        sku={"name": ("Standard_LRS", "Standard_ZRS", "Standard_GRS")[context.spec.label]},
        tags={"label": context.label},
        opts=context.options,
    )


def _table(context: ResourceContext) -> Any:
    return storage.Table(
        context.name,
        table_name=f"t{context.spec.id}{context.spec.shape}",
        account_name=context.used.name,
        resource_group_name=_group_of(context),
        opts=context.options,
    )


def _pubsub(context: ResourceContext) -> Any:
    return webpubsub.WebPubSub(
        context.name,
        resource_name_=context.physical,
        resource_group_name=context.used.name,
        location=_LOCATIONS[context.spec.shape],
        sku={"name": "Standard_S1", "tier": "Standard", "capacity": 1 + context.spec.label},
        identity={"type": "SystemAssigned"},
        tags={"label": context.label},
        opts=context.options,
    )


def _hub(context: ResourceContext) -> Any:
    handler = {
        "url_template": context.as_text(f"https://example.org/v{context.spec.label}"),
        "system_events": ["connect"],
    }
    return webpubsub.WebPubSubHub(
        context.name,
        hub_name=f"h{context.spec.id}",
        resource_name_=context.used.name,
        resource_group_name=_group_of(context),
        properties={
            "anonymous_connect_policy": ("allow", "deny")[context.spec.shape % 2],
            "event_handlers": [handler],
        },
        opts=context.options,
    )


def _group_of(context: ResourceContext) -> Any:
    """The resource group of the used resource, taken from its id."""
    return context.used.id.apply(lambda id_: id_.split("/")[4])


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
