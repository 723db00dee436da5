"""How traffic leaves a virtual network: public addresses, NAT gateways and route tables."""

from __future__ import annotations

from typing import Final

from semantest_iac.infrastructure.simulated_cloud.azure.networking import (
    AZURE_NAT_TYPE,
    AZURE_ROUTE_TABLE_TYPE,
    NETWORK_NAME,
    OPTIONAL_ID,
    PUBLIC_ADDRESS_TYPE,
    network_type,
)
from semantest_iac.infrastructure.simulated_cloud.azure.resource_type import (
    PROVIDERS_ID_PREFIX,
    SUCCEEDED_STATE,
    ArmType,
    id_reference,
    refine,
    stable_guid,
)
from semantest_iac.infrastructure.simulated_cloud.schema.properties import (
    DOC,
    TERRAFORM,
    Count,
    OneOf,
    Range,
)
from semantest_iac.infrastructure.simulated_cloud.schema.refusals import Refusal
from semantest_iac.infrastructure.simulated_cloud.schema.rules import GuardContext, OnDelete, RequestGuard, TypeRule
from semantest_iac.infrastructure.simulated_cloud.schema.values import RequestFacts

ROUTE_TYPE: Final = "azure-native:network:Route"
_ROUTE_TABLES_ID: Final = f"{PROVIDERS_ID_PREFIX}Microsoft.Network/routeTables"
_NEXT_HOPS: Final = ("VirtualNetworkGateway", "VnetLocal", "Internet", "VirtualAppliance", "None")


def _public_address(facts: RequestFacts) -> str:
    return f"20.{facts['octets'].replace('-', '.')}"


def _is_dynamic(context: GuardContext) -> bool:
    sku = context.facts["sku"] or {}
    return bool(sku.get("name", "Basic") != "Basic" and context.facts["publicIPAllocationMethod"] != "Static")


def has_unfit_address(context: GuardContext) -> bool:
    """Return whether the public address of a request is not one of the kind that gateways take."""
    address = context.facts["address"]
    return bool(address) and (address["sku"] or {}).get("name", "Basic") == "Basic"


def unfit_address_guard(noun: str) -> RequestGuard:
    """Refuse an address of the basic kind; source: the documentation of each service on public addresses."""
    message = f"{noun} requires a public IP address with the Standard SKU; '{{address[name]}}' has another."
    return RequestGuard(has_unfit_address, Refusal("BadRequest", message), DOC)


def _lacks_next_address(context: GuardContext) -> bool:
    is_appliance = bool(context.facts["nextHopType"] == "VirtualAppliance")
    return is_appliance != bool(context.facts["nextHopIpAddress"])


EGRESS_TYPES: Final[dict[str, TypeRule]] = {
    PUBLIC_ADDRESS_TYPE: network_type(PUBLIC_ADDRESS_TYPE, "publicIPAddresses", "publicIpAddressName").rule(
        {
            "publicIpAddressName": NETWORK_NAME,
            "sku.name": refine(OneOf(("Standard", "StandardV2"), TERRAFORM), force_new=True),
            "publicIPAllocationMethod": refine(OneOf(("Static", "Dynamic"), DOC)),
            "publicIPAddressVersion": refine(OneOf(("IPv4", "IPv6"), DOC), force_new=True, computed_default=True),
            "idleTimeoutInMinutes": refine(Range(4, 30, TERRAFORM), computed_default=True),
            "zones": refine(force_new=True),
            "ipAddress": refine(computed_default=True),
            **OPTIONAL_ID,
        },
        computed={
            **SUCCEEDED_STATE,
            "etag": stable_guid("etag"),
            "resourceGuid": stable_guid("public address"),
            "ipAddress": _public_address,
            "idleTimeoutInMinutes": lambda _: 4,
            "publicIPAddressVersion": "IPv4",
        },
        guards=(
            RequestGuard(
                _is_dynamic,
                Refusal("BadRequest", "Public IP address '{publicIpAddressName}' of this SKU must be static."),
                DOC,
            ),
        ),
        in_use_refusal=Refusal(
            "PublicIPAddressCannotBeDeleted",
            "Public IP address {id} can not be deleted since it is still allocated to resource {dependents}. In order "
            "to delete the public IP, disassociate/detach the Public IP address from the resource.",
        ),
        latency_seconds=4,
    ),
    AZURE_NAT_TYPE: network_type(AZURE_NAT_TYPE, "natGateways", "natGatewayName").rule(
        {
            "natGatewayName": NETWORK_NAME,
            "sku.name": refine(OneOf(("Standard", "StandardV2"), TERRAFORM), force_new=True),
            "zones": refine(Count(0, 1, TERRAFORM), force_new=True),
            "idleTimeoutInMinutes": refine(Range(4, 120, TERRAFORM), computed_default=True),
            **OPTIONAL_ID,
        },
        computed={
            **SUCCEEDED_STATE,
            "etag": stable_guid("etag"),
            "resourceGuid": stable_guid("nat gateway"),
            "idleTimeoutInMinutes": lambda _: 4,
            "subnets": lambda _: [],
        },
        references=(
            id_reference("publicIpAddresses.*.id", PUBLIC_ADDRESS_TYPE, fact_name="address", on_delete=OnDelete.REFUSE),
        ),
        guards=(unfit_address_guard("A NAT gateway"),),
        in_use_refusal=Refusal(
            "CannotDeleteNatGatewayAssociatedToSubnet",
            "NAT Gateway {id} is still configured on subnets {dependents}. Remove NAT Gateway from all referenced "
            "subnets and then delete NAT Gateway.",
        ),
        latency_seconds=12,
    ),
    AZURE_ROUTE_TABLE_TYPE: network_type(AZURE_ROUTE_TABLE_TYPE, "routeTables", "routeTableName").rule(
        {"routeTableName": NETWORK_NAME, "routes": refine(computed_default=True), **OPTIONAL_ID},
        computed={
            **SUCCEEDED_STATE,
            "etag": stable_guid("etag"),
            "resourceGuid": stable_guid("route table"),
            **dict.fromkeys(("routes", "subnets"), lambda _: []),
        },
        in_use_refusal=Refusal(
            "InUseRouteTableCannotBeDeleted",
            "Route table {routeTableName} is in use and cannot be deleted. It is associated with {dependents}.",
        ),
        latency_seconds=4,
    ),
    ROUTE_TYPE: ArmType(ROUTE_TYPE, f"{_ROUTE_TABLES_ID}/{{routeTableName}}/routes/{{routeName}}").rule(
        {
            "routeName": NETWORK_NAME,
            "nextHopType": refine(OneOf(_NEXT_HOPS, DOC)),
            **dict.fromkeys(("name", "type"), refine(computed_default=True)),
            **OPTIONAL_ID,
        },
        computed={
            **SUCCEEDED_STATE,
            "name": "{routeName}",
            "etag": stable_guid("etag"),
            "hasBgpOverride": lambda _: False,
        },
        guards=(
            RequestGuard(
                _lacks_next_address,
                Refusal(
                    "BadRequest",
                    "Route '{routeName}' must have a next hop address if, and only if, its next hop is a virtual "
                    "appliance.",
                ),
                DOC,
            ),
        ),
    ),
}
