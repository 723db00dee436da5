"""API Management: services, whose names stay reserved after a delete, and their APIs, backends and policies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from semantest_iac.infrastructure.simulated_cloud.azure.api_management.policies import (
    BACKEND_TYPE,
    NAMED_VALUE_TYPE,
    policy_guards,
)
from semantest_iac.infrastructure.simulated_cloud.azure.networking import SUBNET_TYPE, subnet_delegations
from semantest_iac.infrastructure.simulated_cloud.azure.resource_type import (
    PROVIDERS_ID_PREFIX,
    SUCCEEDED_STATE,
    ArmType,
    id_reference,
    parent_reference,
    refine,
)
from semantest_iac.infrastructure.simulated_cloud.runtime.clock import SECONDS_PER_DAY
from semantest_iac.infrastructure.simulated_cloud.schema.properties import (
    DOC,
    TERRAFORM,
    Evidence,
    Length,
    OneOf,
    Pattern,
    Range,
)
from semantest_iac.infrastructure.simulated_cloud.schema.refusals import Refusal
from semantest_iac.infrastructure.simulated_cloud.schema.rules import (
    Choice,
    GuardContext,
    NameReservation,
    OnDelete,
    RequestGuard,
    TypeRule,
    UniqueHandle,
)
from semantest_iac.infrastructure.simulated_cloud.schema.values import RequestFacts, ResourceProperties

API_SERVICE_TYPE: Final = "azure-native:apimanagement:ApiManagementService"
MANAGED_API_TYPE: Final = "azure-native:apimanagement:Api"
API_DIAGNOSTIC_TYPE: Final = "azure-native:apimanagement:ApiDiagnostic"
API_OPERATION_TYPE: Final = "azure-native:apimanagement:ApiOperation"
API_POLICY_TYPE: Final = "azure-native:apimanagement:ApiPolicy"
API_VERSION_SET_TYPE: Final = "azure-native:apimanagement:ApiVersionSet"
LOGGER_TYPE: Final = "azure-native:apimanagement:Logger"

_SERVICES_ID: Final = f"{PROVIDERS_ID_PREFIX}Microsoft.ApiManagement/service"
_REFUSE: Final = OnDelete.REFUSE
SERVICE_ID: Final = f"{_SERVICES_ID}/{{serviceName}}"
SERVICE_REFERENCE: Final = parent_reference("serviceName", API_SERVICE_TYPE, _SERVICES_ID, fact_name="service")
_API_REFERENCES: Final = (
    SERVICE_REFERENCE,
    parent_reference("apiId", MANAGED_API_TYPE, f"{SERVICE_ID}/apis", fact_name="api"),
)
_ENTITY_ID: Final = refine(Length(1, 80, TERRAFORM), Pattern(r"^[^*#&+:<>?]+\Z", DOC))

_MINUTES_TO_ACTIVATE: Final = {"Consumption": 2, "BasicV2": 5, "StandardV2": 5, "PremiumV2": 5}
_CLASSIC_MINUTES: Final = 40
_TIERS_INSIDE_NETWORK: Final = ("Developer", "Premium", "PremiumV2")
_TIERS_REACHING_NETWORK: Final = (*_TIERS_INSIDE_NETWORK, "StandardV2")


def _sku_name(service: ResourceProperties) -> str:
    return str((service["sku"] or {}).get("name", "")) if service else ""


def _is_v2(service: ResourceProperties) -> bool:
    return _sku_name(service).endswith("V2")


def _activation_seconds(facts: RequestFacts) -> float:
    return 60.0 * _MINUTES_TO_ACTIVATE.get(_sku_name(facts), _CLASSIC_MINUTES)


def _lacks_network_support(context: GuardContext) -> bool:
    tiers_by_type = {"External": _TIERS_REACHING_NETWORK, "Internal": _TIERS_INSIDE_NETWORK}
    tiers = tiers_by_type.get(context.facts["virtualNetworkType"])
    return tiers is not None and _sku_name(context.facts) not in tiers


def _changes_platform(context: GuardContext) -> bool:
    return bool(context.previous) and _is_v2(context.previous) != _is_v2(context.facts)


def _changes_network_type(context: GuardContext) -> bool:
    before = context.previous.get("virtualNetworkType", "None")
    return before not in ("None", context.facts["virtualNetworkType"] or "None")


def _has_wrong_capacity(context: GuardContext) -> bool:
    is_consumption = _sku_name(context.facts) == "Consumption"
    return is_consumption is bool(context.facts["sku"]["capacity"])


def _lacks_subnet_delegation(context: GuardContext) -> bool:
    subnet = context.facts["subnet"]
    return (
        bool(subnet)
        and _sku_name(context.facts) == "StandardV2"
        and "Microsoft.Web/serverFarms" not in subnet_delegations(subnet)
    )


def _is_injected_into_delegated_subnet(context: GuardContext) -> bool:
    subnet = context.facts["subnet"]
    return bool(subnet) and _sku_name(context.facts) in ("Developer", "Premium") and bool(subnet_delegations(subnet))


def _has_websockets_on_consumption(context: GuardContext) -> bool:
    return context.facts["apiType"] == "websocket" and _sku_name(context.facts["service"]) == "Consumption"


def _lacks_version_set(context: GuardContext) -> bool:
    return bool(context.facts["apiVersion"]) and not context.facts["apiVersionSetId"]


def _validation_guard(applies: Callable[[GuardContext], bool], evidence: Evidence, message: str) -> RequestGuard:
    return RequestGuard(applies, Refusal("ValidationError", message), evidence)


API_MANAGEMENT_TYPES: Final[dict[str, TypeRule]] = {
    API_SERVICE_TYPE: ArmType(API_SERVICE_TYPE, f"{_SERVICES_ID}/{{serviceName}}").rule(
        {
            "serviceName": refine(Pattern(r"^[a-zA-Z]([a-zA-Z0-9-]{0,48}[a-zA-Z0-9])?\Z", DOC)),
            "publisherName": refine(Length(1, 100, DOC)),
            "publisherEmail": refine(Length(1, 100, DOC)),
            "virtualNetworkType": refine(computed_default=True),
            "publicNetworkAccess": refine(computed_default=True),
            "restore": refine(reported_differently=True),
            "certificates": refine(sensitive=True),
            "hostnameConfigurations": refine(sensitive=True, computed_default=True),
        },
        computed={
            "gatewayUrl": "https://{serviceName}.azure-api.net",
            "gatewayRegionalUrl": "https://{serviceName}-{region}-01.regional.azure-api.net",
            "managementApiUrl": "https://{serviceName}.management.azure-api.net",
            "portalUrl": "https://{serviceName}.portal.azure-api.net",
            "developerPortalUrl": "https://{serviceName}.developer.azure-api.net",
            "scmUrl": "https://{serviceName}.scm.azure-api.net",
            "createdAtUtc": "{now}",
            "platformVersion": lambda facts: "stv2.1" if _is_v2(facts) else "stv2",
            "publicIPAddresses": lambda _: ["192.0.2.20"],
            "targetProvisioningState": "",
            "virtualNetworkType": "None",
            "publicNetworkAccess": "Enabled",
        },
        unique=(
            UniqueHandle(
                "{serviceName}",
                Refusal("ServiceAlreadyExists", "Api service already exists: {serviceName}", 409),
            ),
        ),
        references=(
            id_reference(
                "virtualNetworkConfiguration.subnetResourceId", SUBNET_TYPE, fact_name="subnet", on_delete=_REFUSE
            ),
        ),
        guards=(
            _validation_guard(
                _lacks_network_support, DOC, "The tier {sku[name]} does not support the network {virtualNetworkType}."
            ),
            _validation_guard(
                _changes_platform, TERRAFORM, "A service cannot move between the classic and the v2 tiers."
            ),
            _validation_guard(
                _changes_network_type, TERRAFORM, "The virtual network type of a service cannot be changed."
            ),
            _validation_guard(
                _has_wrong_capacity, DOC, "The capacity is 0 on Consumption and at least 1 on any other tier."
            ),
            _validation_guard(
                _lacks_subnet_delegation,
                DOC,
                "The subnet of a StandardV2 service is delegated to Microsoft.Web/serverFarms.",
            ),
            _validation_guard(
                _is_injected_into_delegated_subnet,
                DOC,
                "The subnet of a service in the tier {sku[name]} must not be delegated to any service.",
            ),
        ),
        name_reservation=NameReservation(
            lambda _: 2 * SECONDS_PER_DAY,
            Refusal(
                "ServiceAlreadyExistsInSoftDeletedState",
                "Api service {serviceName} was soft-deleted. In order to create the new service with the same name, "
                "you have to either undelete the service or purge it. See https://aka.ms/apimsoftdelete.",
                409,
            ),
            restores_deleted=lambda facts: bool(facts["restore"]),
        ),
        latency_seconds=_activation_seconds,
    ),
    MANAGED_API_TYPE: ArmType(MANAGED_API_TYPE, f"{SERVICE_ID}/apis/{{apiId}}").rule(
        {
            "apiId": _ENTITY_ID,
            "path": refine(Length(0, 400, DOC), allow_blank=True),
            **dict.fromkeys(("format", "value", "sourceApiId", "wsdlSelector"), refine(reported_differently=True)),
            **dict.fromkeys(
                ("apiRevision", "displayName", "isCurrent", "protocols", "apiType"), refine(computed_default=True)
            ),
            "subscriptionRequired": refine(default=True),
        },
        computed={
            "isOnline": lambda _: True,
            "path": "",
            "apiRevision": "1",
            "displayName": "{apiId}",
        },
        references=(SERVICE_REFERENCE, id_reference("apiVersionSetId", API_VERSION_SET_TYPE)),
        guards=(
            _validation_guard(
                _has_websockets_on_consumption, DOC, "WebSocket APIs are not supported in the Consumption tier."
            ),
            _validation_guard(
                _lacks_version_set, TERRAFORM, "The version {apiVersion} of an API needs a set of versions."
            ),
        ),
        latency_seconds=5,
    ),
    API_VERSION_SET_TYPE: ArmType(API_VERSION_SET_TYPE, f"{SERVICE_ID}/apiVersionSets/{{versionSetId}}").rule(
        {
            "versionSetId": _ENTITY_ID,
            "displayName": refine(Length(1, 100, DOC)),
            **dict.fromkeys(("versionHeaderName", "versionQueryName"), refine(Length(1, 100, DOC))),
        },
        references=(SERVICE_REFERENCE,),
    ),
    API_OPERATION_TYPE: ArmType(API_OPERATION_TYPE, f"{SERVICE_ID}/apis/{{apiId}}/operations/{{operationId}}").rule(
        {
            "operationId": _ENTITY_ID,
            "urlTemplate": refine(Length(1, 1000, DOC)),
            "displayName": refine(Length(1, 300, DOC)),
        },
        references=_API_REFERENCES,
    ),
    API_POLICY_TYPE: ArmType(API_POLICY_TYPE, f"{SERVICE_ID}/apis/{{apiId}}/policies/{{policyId}}").rule(
        {"policyId": refine(OneOf(("policy",), DOC)), "format": refine(computed_default=True)},
        references=_API_REFERENCES,
        guards=policy_guards("api"),
    ),
    API_DIAGNOSTIC_TYPE: ArmType(API_DIAGNOSTIC_TYPE, f"{SERVICE_ID}/apis/{{apiId}}/diagnostics/{{diagnosticId}}").rule(
        {
            "diagnosticId": refine(OneOf(("applicationinsights", "azuremonitor", "local"), TERRAFORM)),
            "sampling.percentage": refine(Range(0, 100, DOC)),
        },
        references=(*_API_REFERENCES, id_reference("loggerId", LOGGER_TYPE)),
    ),
    NAMED_VALUE_TYPE: ArmType(NAMED_VALUE_TYPE, f"{SERVICE_ID}/namedValues/{{namedValueId}}").rule(
        {
            "namedValueId": _ENTITY_ID,
            "displayName": refine(Pattern(r"^[A-Za-z0-9._-]{1,256}\Z", DOC)),
            "value": refine(sensitive=True),
        },
        computed=SUCCEEDED_STATE,
        references=(SERVICE_REFERENCE,),
        conditions=(Choice(1, 1, ("value", "keyVault"), DOC),),
        latency_seconds=2,
    ),
    BACKEND_TYPE: ArmType(BACKEND_TYPE, f"{SERVICE_ID}/backends/{{backendId}}").rule(
        {
            "backendId": _ENTITY_ID,
            "url": refine(Length(1, 2000, DOC)),
            "credentials": refine(sensitive=True),
            "pool.services.weight": refine(Range(0, 100, DOC)),
            "pool.services.priority": refine(Range(0, 100, DOC)),
            "type": refine(computed_default=True),
        },
        computed={"type": "Single"},
        references=(SERVICE_REFERENCE, id_reference("pool.services.*.id", BACKEND_TYPE, on_delete=_REFUSE)),
        conditions=(Choice(1, 1, ("url", "pool"), DOC),),
        in_use_refusal=Refusal(
            "ValidationError", "Backend {backendId} is in use by {dependents} and cannot be deleted."
        ),
    ),
    LOGGER_TYPE: ArmType(LOGGER_TYPE, f"{SERVICE_ID}/loggers/{{loggerId}}").rule(
        {
            "loggerId": refine(Length(1, 256, DOC)),
            "credentials": refine(sensitive=True),
            "isBuffered": refine(default=True),
        },
        references=(SERVICE_REFERENCE, id_reference("resourceId")),
    ),
}
