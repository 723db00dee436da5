"""All Azure types and data sources together, and a simulated Azure subscription."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha512
from typing import Any, Final
from uuid import NAMESPACE_DNS, uuid5

from semantest_iac.infrastructure.simulated_cloud.azure import (
    compute,
    messaging,
    monitoring,
    networking,
    security,
    storage,
)
from semantest_iac.infrastructure.simulated_cloud.azure.api_management.products import API_PRODUCT_TYPES
from semantest_iac.infrastructure.simulated_cloud.azure.api_management.services import API_MANAGEMENT_TYPES
from semantest_iac.infrastructure.simulated_cloud.azure.platform import (
    data_pipelines,
    firewalls,
    observability,
    private_endpoints,
    routing,
)
from semantest_iac.infrastructure.simulated_cloud.azure.platform.containers.containers import CONTAINER_TYPES
from semantest_iac.infrastructure.simulated_cloud.azure.platform.databases import DOCUMENT_AND_CACHE_TYPES, SQL_TYPES
from semantest_iac.infrastructure.simulated_cloud.azure.platform.messaging import MESSAGE_BROKER_TYPES
from semantest_iac.infrastructure.simulated_cloud.azure.resource_type import (
    RESOURCE_GROUP_ID,
    RESOURCE_GROUP_TYPE,
    SIMULATED_TENANT,
    ArmType,
    refine,
)
from semantest_iac.infrastructure.simulated_cloud.azure.sites.front_doors import FRONT_DOOR_TYPES
from semantest_iac.infrastructure.simulated_cloud.azure.sites.static_sites import STATIC_SITE_TYPES
from semantest_iac.infrastructure.simulated_cloud.runtime.clock import VirtualClock
from semantest_iac.infrastructure.simulated_cloud.runtime.cloud import DataSource, SimulatedCloud
from semantest_iac.infrastructure.simulated_cloud.runtime.faults import NO_FAULTS, FaultScript
from semantest_iac.infrastructure.simulated_cloud.runtime.inventory import Inventory
from semantest_iac.infrastructure.simulated_cloud.schema.properties import DOC, Length, Pattern
from semantest_iac.infrastructure.simulated_cloud.schema.rules import TypeRule
from semantest_iac.infrastructure.simulated_cloud.schema.values import RequestFacts, ResourceProperties

_RESOURCE_GROUP_TYPES: Final[dict[str, TypeRule]] = {
    RESOURCE_GROUP_TYPE: ArmType(RESOURCE_GROUP_TYPE, RESOURCE_GROUP_ID).rule(
        {"resourceGroupName": refine(Length(1, 90, DOC), Pattern(r"^[\w.()-]*[\w()-]$", DOC))},
        computed={
            "type": "Microsoft.Resources/resourceGroups",
            "properties": lambda _: {"provisioningState": "Succeeded"},
        },
        latency_seconds=3,
    ),
}


def _client_config(facts: RequestFacts, _args: ResourceProperties) -> dict[str, Any]:
    return {
        "clientId": str(uuid5(NAMESPACE_DNS, "client.simulated")),
        "objectId": str(uuid5(NAMESPACE_DNS, "object.simulated")),
        "subscriptionId": facts["account"],
        "tenantId": SIMULATED_TENANT,
    }


def _storage_keys(facts: RequestFacts, args: ResourceProperties) -> dict[str, Any]:
    names = ("key1", "key2")
    return {
        "keys": [
            {
                "keyName": name,
                "value": _fake_key(facts, args["accountName"], name),
                "permissions": "FULL",
                "creationTime": facts["now"],
            }
            for name in names
        ]
    }


def _host_keys(facts: RequestFacts, args: ResourceProperties) -> dict[str, Any]:
    return {
        "functionKeys": {"default": _fake_key(facts, args["name"], "default")},
        "masterKey": _fake_key(facts, args["name"], "_master"),
        "systemKeys": {},
    }


def _fake_key(facts: RequestFacts, owner: str, name: str) -> str:
    """Return a key that grants nothing, the same at every call."""
    return b64encode(sha512(f"{facts['account']}|{owner}|{name}".encode()).digest()).decode()


AZURE_DATA_SOURCES: Final[Mapping[str, DataSource]] = {
    "azure-native:authorization:getClientConfig": _client_config,
    "azure-native:storage:listStorageAccountKeys": _storage_keys,
    "azure-native:web:listWebAppHostKeys": _host_keys,
}

SIMULATED_SUBSCRIPTION: Final = "00000000-0000-4000-8000-5e3a17e57002"
"""The id of the simulated subscription; it does not exist."""

AZURE_TYPES: Final[Mapping[str, TypeRule]] = {
    **_RESOURCE_GROUP_TYPES,
    **monitoring.TELEMETRY_TYPES,
    **storage.STORAGE_TYPES,
    **security.IDENTITY_TYPES,
    **networking.NETWORK_TYPES,
    **routing.EGRESS_TYPES,
    **firewalls.FIREWALL_TYPES,
    **private_endpoints.PRIVATE_ENDPOINT_TYPES,
    **compute.COMPUTE_TYPES,
    **security.VAULT_TYPES,
    **monitoring.ALERT_TYPES,
    **API_MANAGEMENT_TYPES,
    **API_PRODUCT_TYPES,
    **messaging.MESSAGING_TYPES,
    **MESSAGE_BROKER_TYPES,
    **observability.DASHBOARD_TYPES,
    **data_pipelines.DATA_PIPELINE_TYPES,
    **SQL_TYPES,
    **CONTAINER_TYPES,
    **DOCUMENT_AND_CACHE_TYPES,
    **FRONT_DOOR_TYPES,
    **STATIC_SITE_TYPES,
}


def simulated_azure(
    inventory: Inventory,
    *,
    region: str,
    account: str = SIMULATED_SUBSCRIPTION,
    faults: FaultScript = NO_FAULTS,
    clock: VirtualClock | None = None,
) -> SimulatedCloud:
    """Open one Azure subscription in one region."""
    return SimulatedCloud(
        AZURE_TYPES,
        inventory,
        account=account,
        region=region,
        faults=faults,
        clock=clock,
        data_sources=AZURE_DATA_SOURCES,
    )
