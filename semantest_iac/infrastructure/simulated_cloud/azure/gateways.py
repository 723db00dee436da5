"""API Management: services, whose names outlive them, and what is in them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from semantest_iac.infrastructure.simulated_cloud.azure.every_type import (
    DOC,
    IN_GROUP,
    SUCCEEDED,
    TERRAFORM,
    ArmType,
    guid,
    inside,
    refers,
)
from semantest_iac.infrastructure.simulated_cloud.azure.networks import SUBNET
from semantest_iac.infrastructure.simulated_cloud.azure.shapes import known
from semantest_iac.infrastructure.simulated_cloud.clock import DAY
from semantest_iac.infrastructure.simulated_cloud.limits import Evidence, Length, OneOf, Pattern, Range
from semantest_iac.infrastructure.simulated_cloud.refusal import Refusal
from semantest_iac.infrastructure.simulated_cloud.rules import (
    Choice,
    Guard,
    Hold,
    OnDelete,
    Surroundings,
    TypeRule,
    Unique,
)
from semantest_iac.infrastructure.simulated_cloud.values import Facts, Properties

SERVICE: Final = "azure-native:apimanagement:ApiManagementService"
API: Final = "azure-native:apimanagement:Api"
API_DIAGNOSTIC: Final = "azure-native:apimanagement:ApiDiagnostic"
API_OPERATION: Final = "azure-native:apimanagement:ApiOperation"
API_POLICY: Final = "azure-native:apimanagement:ApiPolicy"
BACKEND: Final = "azure-native:apimanagement:Backend"
LOGGER: Final = "azure-native:apimanagement:Logger"
NAMED_VALUE: Final = "azure-native:apimanagement:NamedValue"

_SERVICES: Final = f"{IN_GROUP}Microsoft.ApiManagement/service"
_REFUSE: Final = OnDelete.REFUSE
_PARTS: Final = f"{_SERVICES}/{{serviceName}}"
_IN_SERVICE: Final = inside("serviceName", SERVICE, _SERVICES, named="service")
_IN_API: Final = (_IN_SERVICE, inside("apiId", API, f"{_PARTS}/apis", named="api"))
_ID: Final = known(Length(1, 80, TERRAFORM), Pattern(r"^[^*#&+:<>?]+\Z", DOC))

_MINUTES_TO_ACTIVATE: Final = {"Consumption": 2, "BasicV2": 5, "StandardV2": 5, "PremiumV2": 5}
_CLASSIC_MINUTES: Final = 40
_INTO_A_NETWORK: Final = ("Developer", "Premium", "PremiumV2")
_OUT_TO_A_NETWORK: Final = (*_INTO_A_NETWORK, "StandardV2")


def _sku(service: Properties) -> str:
    return str((service["sku"] or {}).get("name", "")) if service else ""


def _activation(facts: Facts) -> float:
    return 60.0 * _MINUTES_TO_ACTIVATE.get(_sku(facts), _CLASSIC_MINUTES)


def _is_out_of_its_network(around: Surroundings) -> bool:
    able = {"External": _OUT_TO_A_NETWORK, "Internal": _INTO_A_NETWORK}.get(around.facts["virtualNetworkType"])
    return able is not None and _sku(around.facts) not in able


def _changes_its_platform(around: Surroundings) -> bool:
    return bool(around.before) and _sku(around.before).endswith("V2") != _sku(around.facts).endswith("V2")


def _changes_its_network(around: Surroundings) -> bool:
    before = around.before.get("virtualNetworkType", "None")
    return before not in ("None", around.facts["virtualNetworkType"] or "None")


def _counts_units_wrongly(around: Surroundings) -> bool:
    consumes = _sku(around.facts) == "Consumption"
    return consumes is bool(around.facts["sku"]["capacity"])


def _is_undelegated(around: Surroundings) -> bool:
    subnet = around.facts["subnet"] or {}
    handed = {str(one.get("serviceName")) for one in subnet.get("delegations") or ()}
    return bool(subnet) and _sku(around.facts) == "StandardV2" and "Microsoft.Web/serverFarms" not in handed


def _opens_sockets_on_consumption(around: Surroundings) -> bool:
    return around.facts["apiType"] == "websocket" and _sku(around.facts["service"]) == "Consumption"


def _limits_by_key_on_consumption(around: Surroundings) -> bool:
    keyed = ("<rate-limit-by-key", "<quota-by-key", "<cache-lookup ", "<cache-store ")
    return _sku(around.facts["service"]) == "Consumption" and any(tag in around.facts["value"] for tag in keyed)


def _guard(objects: Callable[[Surroundings], bool], evidence: Evidence, message: str) -> Guard:
    return Guard(objects, Refusal("ValidationError", message), evidence)


TYPES: Final[dict[str, TypeRule]] = {
    SERVICE: ArmType(SERVICE, f"{_SERVICES}/{{serviceName}}").rule(
        {
            "serviceName": known(Pattern(r"^[a-zA-Z]([a-zA-Z0-9-]{0,48}[a-zA-Z0-9])?\Z", DOC)),
            "publisherName": known(Length(1, 100, DOC)),
            "publisherEmail": known(Length(1, 100, DOC)),
            "virtualNetworkType": known(settled=True),
            "publicNetworkAccess": known(settled=True),
            "restore": known(rewritten=True),
            "certificates": known(sealed=True),
            "hostnameConfigurations": known(sealed=True, settled=True),
        },
        computed={
            **SUCCEEDED,
            "gatewayUrl": "https://{serviceName}.azure-api.net",
            "gatewayRegionalUrl": "https://{serviceName}-{region}-01.regional.azure-api.net",
            "managementApiUrl": "https://{serviceName}.management.azure-api.net",
            "portalUrl": "https://{serviceName}.portal.azure-api.net",
            "developerPortalUrl": "https://{serviceName}.developer.azure-api.net",
            "scmUrl": "https://{serviceName}.scm.azure-api.net",
            "createdAtUtc": "{now}",
            "etag": guid("etag"),
            "platformVersion": lambda facts: "stv2.1" if _sku(facts).endswith("V2") else "stv2",
            "publicIPAddresses": lambda _: ["192.0.2.20"],
            **dict.fromkeys(("privateIPAddresses", "outboundPublicIPAddresses"), lambda _: []),
            "targetProvisioningState": "",
            "virtualNetworkType": "None",
            "publicNetworkAccess": "Enabled",
        },
        unique=(
            Unique(
                "{serviceName}",
                Refusal("ServiceAlreadyExists", "Api service already exists: {serviceName}", 409),
            ),
        ),
        references=(refers("virtualNetworkConfiguration.subnetResourceId", SUBNET, named="subnet", on_delete=_REFUSE),),
        guards=(
            _guard(
                _is_out_of_its_network, DOC, "The tier {sku[name]} does not support the network {virtualNetworkType}."
            ),
            _guard(_changes_its_platform, TERRAFORM, "A service cannot move between the classic and the v2 tiers."),
            _guard(_changes_its_network, TERRAFORM, "The virtual network type of a service cannot be changed."),
            _guard(_counts_units_wrongly, DOC, "The capacity is 0 on Consumption and at least 1 on any other tier."),
            _guard(
                _is_undelegated, DOC, "The subnet of a StandardV2 service is delegated to Microsoft.Web/serverFarms."
            ),
        ),
        held=Hold(
            lambda _: 2 * DAY,
            Refusal(
                "ServiceAlreadyExistsInSoftDeletedState",
                "Api service {serviceName} was soft-deleted. In order to create the new service with the same name, "
                "you have to either undelete the service or purge it. See https://aka.ms/apimsoftdelete.",
                409,
            ),
            lifted=lambda facts: bool(facts["restore"]),
        ),
        latency=_activation,
    ),
    API: ArmType(API, f"{_PARTS}/apis/{{apiId}}").rule(
        {
            "apiId": _ID,
            "path": known(Length(0, 400, DOC), blank=True),
            **dict.fromkeys(("format", "value", "sourceApiId", "wsdlSelector"), known(rewritten=True)),
            **dict.fromkeys(("apiRevision", "displayName", "isCurrent", "protocols", "apiType"), known(settled=True)),
            "subscriptionRequired": known(default=True),
        },
        computed={**SUCCEEDED, "isOnline": lambda _: True, "path": "", "apiRevision": "1", "displayName": "{apiId}"},
        references=(_IN_SERVICE,),
        guards=(
            _guard(_opens_sockets_on_consumption, DOC, "WebSocket APIs are not supported in the Consumption tier."),
        ),
        latency=5,
    ),
    API_OPERATION: ArmType(API_OPERATION, f"{_PARTS}/apis/{{apiId}}/operations/{{operationId}}").rule(
        {"operationId": _ID, "urlTemplate": known(Length(1, 1000, DOC)), "displayName": known(Length(1, 300, DOC))},
        references=_IN_API,
    ),
    API_POLICY: ArmType(API_POLICY, f"{_PARTS}/apis/{{apiId}}/policies/{{policyId}}").rule(
        {"policyId": known(OneOf(("policy",), DOC)), "format": known(settled=True)},
        references=_IN_API,
        guards=(
            _guard(_limits_by_key_on_consumption, DOC, "Policies by key and the cache need a tier above Consumption."),
        ),
    ),
    API_DIAGNOSTIC: ArmType(API_DIAGNOSTIC, f"{_PARTS}/apis/{{apiId}}/diagnostics/{{diagnosticId}}").rule(
        {
            "diagnosticId": known(OneOf(("applicationinsights", "azuremonitor", "local"), TERRAFORM)),
            "sampling.percentage": known(Range(0, 100, DOC)),
        },
        references=(*_IN_API, refers("loggerId", LOGGER)),
    ),
    NAMED_VALUE: ArmType(NAMED_VALUE, f"{_PARTS}/namedValues/{{namedValueId}}").rule(
        {
            "namedValueId": _ID,
            "displayName": known(Pattern(r"^[A-Za-z0-9._-]{1,256}\Z", DOC)),
            "value": known(sealed=True),
        },
        computed=SUCCEEDED,
        references=(_IN_SERVICE,),
        conditions=(Choice(1, 1, ("value", "keyVault"), DOC),),
        latency=2,
    ),
    BACKEND: ArmType(BACKEND, f"{_PARTS}/backends/{{backendId}}").rule(
        {
            "backendId": _ID,
            "url": known(Length(1, 2000, DOC)),
            "credentials": known(sealed=True),
            "pool.services.weight": known(Range(0, 100, DOC)),
            "pool.services.priority": known(Range(0, 100, DOC)),
            "type": known(settled=True),
        },
        computed={"type": "Single"},
        references=(_IN_SERVICE, refers("pool.services.*.id", BACKEND, on_delete=_REFUSE)),
        conditions=(Choice(1, 1, ("url", "pool"), DOC),),
        in_use=Refusal("ValidationError", "Backend {backendId} is in use by {dependents} and cannot be deleted."),
    ),
    LOGGER: ArmType(LOGGER, f"{_PARTS}/loggers/{{loggerId}}").rule(
        {
            "loggerId": known(Length(1, 256, DOC)),
            "credentials": known(sealed=True),
            "isBuffered": known(default=True),
        },
        references=(_IN_SERVICE, refers("resourceId")),
    ),
}
