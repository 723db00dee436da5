"""API Management beyond single APIs: products with their policies, subscriptions with keys, and telemetry."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import Final

from semantest_iac.infrastructure.simulated_cloud.azure.api_management.policies import policy_guards
from semantest_iac.infrastructure.simulated_cloud.azure.api_management.services import (
    LOGGER_TYPE,
    MANAGED_API_TYPE,
    SERVICE_ID,
    SERVICE_REFERENCE,
)
from semantest_iac.infrastructure.simulated_cloud.azure.resource_type import (
    ArmType,
    id_reference,
    parent_reference,
    refine,
)
from semantest_iac.infrastructure.simulated_cloud.schema.properties import DOC, TERRAFORM, Length, OneOf, Pattern, Range
from semantest_iac.infrastructure.simulated_cloud.schema.rules import TypeRule
from semantest_iac.infrastructure.simulated_cloud.schema.values import RequestFacts

DIAGNOSTIC_TYPE: Final = "azure-native:apimanagement:Diagnostic"
PRODUCT_TYPE: Final = "azure-native:apimanagement:Product"
PRODUCT_API_TYPE: Final = "azure-native:apimanagement:ProductApi"
PRODUCT_POLICY_TYPE: Final = "azure-native:apimanagement:ProductPolicy"
API_SUBSCRIPTION_TYPE: Final = "azure-native:apimanagement:Subscription"

_PRODUCT_ID: Final = f"{SERVICE_ID}/products/{{productId}}"
_ENTITY_ID: Final = refine(Length(1, 80, TERRAFORM), Pattern(r"^[^*#&+:<>?]+\Z", DOC))


def _make_key(name: str) -> Callable[[RequestFacts], str]:
    """Return what makes a key of 32 hexadecimal digits, as the service does."""
    return lambda facts: sha256(f"{name}:{facts['uuid']}".encode()).hexdigest()[:32]


API_PRODUCT_TYPES: Final[dict[str, TypeRule]] = {
    PRODUCT_TYPE: ArmType(PRODUCT_TYPE, _PRODUCT_ID).rule(
        {
            "productId": _ENTITY_ID,
            "displayName": refine(Length(1, 300, DOC)),
            "description": refine(Length(1, 1000, DOC)),
            **dict.fromkeys(("approvalRequired", "subscriptionsLimit", "state"), refine(computed_default=True)),
            "subscriptionRequired": refine(default=True),
        },
        computed={"state": "notPublished"},
    ),
    PRODUCT_API_TYPE: ArmType(PRODUCT_API_TYPE, f"{_PRODUCT_ID}/apis/{{apiId}}").rule(
        {"apiId": _ENTITY_ID},
        references=(parent_reference("apiId", MANAGED_API_TYPE, f"{SERVICE_ID}/apis", fact_name="api"),),
    ),
    PRODUCT_POLICY_TYPE: ArmType(PRODUCT_POLICY_TYPE, f"{_PRODUCT_ID}/policies/{{policyId}}").rule(
        {"policyId": refine(OneOf(("policy",), DOC)), "format": refine(computed_default=True)},
        references=(SERVICE_REFERENCE,),
        guards=policy_guards("product"),
    ),
    API_SUBSCRIPTION_TYPE: ArmType(API_SUBSCRIPTION_TYPE, f"{SERVICE_ID}/subscriptions/{{sid}}").rule(
        {
            "sid": _ENTITY_ID,
            "displayName": refine(Length(1, 100, DOC)),
            **dict.fromkeys(
                ("primaryKey", "secondaryKey"), refine(Length(1, 256, DOC), sensitive=True, computed_default=True)
            ),
            **dict.fromkeys(("state", "allowTracing", "ownerId"), refine(computed_default=True)),
            **dict.fromkeys(("notify", "appType"), refine(reported_differently=True)),
        },
        computed={
            "state": "submitted",
            "createdDate": "{now}",
            "primaryKey": _make_key("primary"),
            "secondaryKey": _make_key("secondary"),
        },
        references=(id_reference("scope"),),
    ),
    DIAGNOSTIC_TYPE: ArmType(DIAGNOSTIC_TYPE, f"{SERVICE_ID}/diagnostics/{{diagnosticId}}").rule(
        {
            "diagnosticId": refine(OneOf(("applicationinsights", "azuremonitor", "local"), TERRAFORM)),
            "sampling.percentage": refine(Range(0, 100, DOC)),
        },
        references=(id_reference("loggerId", LOGGER_TYPE),),
    ),
}
