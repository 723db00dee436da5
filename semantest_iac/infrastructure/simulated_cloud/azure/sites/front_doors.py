"""Profiles of Front Door with endpoints, origins, routes and domains, and the policies of its firewall.

Source of what is `TERRAFORM`: the validation of Terraform's azurerm_cdn_frontdoor resources; of what is `DOC`, Azure's
documentation of Front Door.
"""

from __future__ import annotations

from typing import Any, Final

from semantest_iac.infrastructure.simulated_cloud.azure.resource_type import (
    PROVIDERS_ID_PREFIX,
    ArmType,
    id_reference,
    refine,
    stable_guid,
)
from semantest_iac.infrastructure.simulated_cloud.runtime.naming import hex_suffix
from semantest_iac.infrastructure.simulated_cloud.schema.properties import (
    DOC,
    TERRAFORM,
    Count,
    Length,
    OneOf,
    Pattern,
    Range,
)
from semantest_iac.infrastructure.simulated_cloud.schema.refusals import Refusal
from semantest_iac.infrastructure.simulated_cloud.schema.rules import (
    GuardContext,
    OnDelete,
    RequestGuard,
    TypeRule,
    UniqueHandle,
)
from semantest_iac.infrastructure.simulated_cloud.schema.values import RequestFacts

PROFILE_TYPE: Final = "azure-native:cdn:Profile"
FRONT_ENDPOINT_TYPE: Final = "azure-native:cdn:AFDEndpoint"
ORIGIN_GROUP_TYPE: Final = "azure-native:cdn:AFDOriginGroup"
ORIGIN_TYPE: Final = "azure-native:cdn:AFDOrigin"
FRONT_ROUTE_TYPE: Final = "azure-native:cdn:Route"
FRONT_DOMAIN_TYPE: Final = "azure-native:cdn:AFDCustomDomain"
SECURITY_POLICY_TYPE: Final = "azure-native:cdn:SecurityPolicy"
FRONT_FIREWALL_TYPE: Final = "azure-native:frontdoor:Policy"

_PROFILES_ID: Final = f"{PROVIDERS_ID_PREFIX}Microsoft.Cdn/profiles"
_FIREWALLS_ID: Final = f"{PROVIDERS_ID_PREFIX}Microsoft.Network/FrontDoorWebApplicationFirewallPolicies"
_SKUS: Final = ("Standard_AzureFrontDoor", "Premium_AzureFrontDoor")
_CHILD_NAME: Final = (Length(1, 90, TERRAFORM), Pattern(r"^[a-zA-Z0-9](-*[a-zA-Z0-9])*\Z", TERRAFORM))
_GLOBAL: Final = refine(OneOf(("global", "Global"), TERRAFORM))
_PREMIUM_RULES: Final = "Managed rules are only supported on Premium_AzureFrontDoor."


def _host_name(facts: RequestFacts) -> str:
    return f"{facts['endpointName']}-{hex_suffix(facts['uuid'], 16)}.z01.azurefd.net"


def _has_managed_rules_without_premium(context: GuardContext) -> bool:
    sets = (context.facts["managedRules"] or {}).get("managedRuleSets")
    return bool(sets) and (context.facts["sku"] or {}).get("name") != _SKUS[1]


def _has_firewall_of_other_sku(context: GuardContext) -> bool:
    profile, firewall = context.facts["profile"] or {}, context.facts["firewall"] or {}
    skus = [(it.get("sku") or {}).get("name") for it in (profile, firewall)]
    return all(skus) and skus[0] != skus[1]


def _has_no_origin(context: GuardContext) -> bool:
    group = str((context.facts["originGroup"] or {}).get("id", ""))
    origins = context.resources_of(ORIGIN_TYPE)
    return bool(group) and not any(group.endswith(f"/originGroups/{it['originGroupName']}") for it in origins)


def _validation(facts: RequestFacts) -> dict[str, str]:
    return {"validationToken": hex_suffix(facts["uuid"], 32), "expirationDate": str(facts["now"])}


def _child(type_: str, collection: str, name: str, refinements: dict[str, Any] | None = None, **more: Any) -> TypeRule:
    """Return the rule of a part of a profile."""
    id_ = f"{_PROFILES_ID}/{{profileName}}/{collection}/{{{name}}}"
    return ArmType(type_, id_).rule(
        {name: refine(*_CHILD_NAME), **(refinements or {})},
        **{"computed": {"deploymentStatus": "NotStarted"}, "latency_seconds": 20, **more},
    )


FRONT_DOOR_TYPES: Final[dict[str, TypeRule]] = {
    PROFILE_TYPE: ArmType(PROFILE_TYPE, f"{_PROFILES_ID}/{{profileName}}").rule(
        {
            "profileName": refine(Length(2, 90, TERRAFORM), Pattern(r"^[a-zA-Z0-9][a-zA-Z0-9-]+[a-zA-Z0-9]\Z", DOC)),
            "location": _GLOBAL,
            "sku.name": refine(OneOf(_SKUS, DOC), force_new=True),
            "originResponseTimeoutSeconds": refine(Range(16, 240, TERRAFORM), computed_default=True),
        },
        computed={
            "frontDoorId": stable_guid("front door"),
            "kind": "frontdoor",
            "resourceState": "Active",
            "extendedProperties": lambda _: {},
            "originResponseTimeoutSeconds": lambda _: 60,
        },
        latency_seconds=60,
    ),
    FRONT_ENDPOINT_TYPE: _child(
        FRONT_ENDPOINT_TYPE,
        "afdEndpoints",
        "endpointName",
        {"endpointName": refine(Length(2, 46, TERRAFORM), *_CHILD_NAME[1:]), "location": _GLOBAL},
        computed={"deploymentStatus": "NotStarted", "hostName": _host_name},
    ),
    ORIGIN_GROUP_TYPE: _child(ORIGIN_GROUP_TYPE, "originGroups", "originGroupName"),
    ORIGIN_TYPE: ArmType(
        ORIGIN_TYPE, f"{_PROFILES_ID}/{{profileName}}/originGroups/{{originGroupName}}/origins/{{originName}}"
    ).rule(
        {
            "originName": refine(*_CHILD_NAME),
            "priority": refine(Range(1, 5, TERRAFORM)),
            "weight": refine(Range(1, 1000, TERRAFORM)),
        },
        computed={"deploymentStatus": "NotStarted"},
        latency_seconds=20,
    ),
    FRONT_ROUTE_TYPE: ArmType(
        FRONT_ROUTE_TYPE, f"{_PROFILES_ID}/{{profileName}}/afdEndpoints/{{endpointName}}/routes/{{routeName}}"
    ).rule(
        {"routeName": refine(*_CHILD_NAME)},
        computed={"deploymentStatus": "NotStarted"},
        references=(
            id_reference("originGroup.id", ORIGIN_GROUP_TYPE, on_delete=OnDelete.REFUSE),
            id_reference("customDomains.*.id", FRONT_DOMAIN_TYPE, on_delete=OnDelete.REFUSE),
        ),
        guards=(
            RequestGuard(
                _has_no_origin,
                Refusal("BadRequest", "The origin group of the route must contain at least one enabled origin."),
                DOC,
            ),
        ),
        latency_seconds=30,
    ),
    FRONT_DOMAIN_TYPE: _child(
        FRONT_DOMAIN_TYPE,
        "customDomains",
        "customDomainName",
        {
            "customDomainName": refine(
                Length(2, 260, TERRAFORM), Pattern(r"^[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?\Z", TERRAFORM)
            ),
            "hostName": refine(force_new=True),
        },
        computed={
            "deploymentStatus": "NotStarted",
            "domainValidationState": "Pending",
            "validationProperties": _validation,
        },
        references=(id_reference("azureDnsZone.id", "azure-native:dns:Zone"),),
        unique=(
            UniqueHandle(
                "{hostName}", Refusal("Conflict", "The custom domain {hostName} is attached to another resource.", 409)
            ),
        ),
        latency_seconds=60,
    ),
    FRONT_FIREWALL_TYPE: ArmType(FRONT_FIREWALL_TYPE, f"{_FIREWALLS_ID}/{{policyName}}").rule(
        {
            "policyName": refine(Length(1, 128, TERRAFORM), Pattern(r"^[a-zA-Z][a-zA-Z0-9]*\Z", TERRAFORM)),
            "location": _GLOBAL,
            "sku.name": refine(OneOf(_SKUS, DOC), force_new=True),
            "policySettings.mode": refine(OneOf(("Detection", "Prevention"), DOC)),
            "customRules.rules": refine(Count(0, 100, DOC)),
            "customRules.rules.rateLimitDurationInMinutes": refine(OneOf((1, 5), DOC)),
        },
        computed={"resourceState": "Enabled"},
        guards=(RequestGuard(_has_managed_rules_without_premium, Refusal("BadRequest", _PREMIUM_RULES), DOC),),
        latency_seconds=20,
    ),
    SECURITY_POLICY_TYPE: _child(
        SECURITY_POLICY_TYPE,
        "securityPolicies",
        "securityPolicyName",
        references=(
            id_reference(
                "parameters.wafPolicy.id", FRONT_FIREWALL_TYPE, fact_name="firewall", on_delete=OnDelete.REFUSE
            ),
            id_reference("parameters.associations.*.domains.*.id", FRONT_ENDPOINT_TYPE, FRONT_DOMAIN_TYPE),
        ),
        guards=(
            RequestGuard(
                _has_firewall_of_other_sku,
                Refusal("BadRequest", "The WAF policy's SKU must match the SKU of the profile."),
                DOC,
            ),
        ),
    ),
}
