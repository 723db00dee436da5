"""What App Service refuses of function apps, and of code published to them, where a table cannot say it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from semantest_iac.infrastructure.simulated_cloud.azure.networking import subnet_delegations
from semantest_iac.infrastructure.simulated_cloud.azure.resource_type import (
    IDENTITY_TYPE,
)
from semantest_iac.infrastructure.simulated_cloud.azure.security import (
    ROLE_ASSIGNMENT_TYPE,
    ROLE_PROPAGATION_SECONDS,
    seconds_between,
)
from semantest_iac.infrastructure.simulated_cloud.azure.storage import (
    CONTAINER_TYPE,
    STORAGE_ACCOUNT_TYPE,
    blob_endpoint,
)
from semantest_iac.infrastructure.simulated_cloud.schema.properties import (
    DOC,
    GENERAL,
    OBSERVED,
    TERRAFORM,
    Evidence,
)
from semantest_iac.infrastructure.simulated_cloud.schema.refusals import Refusal
from semantest_iac.infrastructure.simulated_cloud.schema.rules import (
    GuardContext,
    RequestGuard,
)
from semantest_iac.infrastructure.simulated_cloud.schema.values import RequestFacts, ResourceProperties

APP_TYPE: Final = "azure-native:web:WebApp"
FLEX_TIER: Final = "FlexConsumption"

_HOST_ID_LENGTH: Final = 32
_SHARE_SETTING: Final = "WEBSITE_CONTENTAZUREFILECONNECTIONSTRING"
_REMOVE_ADVICE: Final = "for Flex Consumption sites is invalid. Please remove or rename it before retrying."
_REFUSED_PROPERTIES: Final = ("linuxFxVersion", "functionAppScaleLimit")
_REFUSED_SETTINGS: Final = (
    "FUNCTIONS_WORKER_RUNTIME",
    _SHARE_SETTING,
    "WEBSITE_CONTENTSHARE",
    "WEBSITE_CONTENTOVERVNET",
)
_BLOB_WRITER_ROLES: Final = ("b7e6dc6d-f1e8-4753-8033-0f276bb0955b", "ba92f5b4-2d11-453d-a403-e96b0029c9fe")
_KEY_AUTHENTICATION: Final = "StorageAccountConnectionString"
_UPLOAD_FAILED: Final = "Failed to upload because Azure Storage responded with"


def plan_tier(plan: ResourceProperties) -> str:
    """Return FlexConsumption, Consumption or ElasticPremium by the name of the plan's SKU, else the tier of the SKU."""
    sku = plan.get("sku") or {}
    name = str(sku.get("name", ""))
    by_name = {"FC": FLEX_TIER, "Y1": "Consumption", "EP": "ElasticPremium"}
    return by_name.get(name[:2], str(sku.get("tier", "")))


def _app_package_store(app: ResourceProperties) -> ResourceProperties:
    """Return the storage settings of a Flex app's package."""
    deployment = (app.get("functionAppConfig") or {}).get("deployment") or {}
    return RequestFacts(deployment.get("storage") or {})


def _storage_account_of(url: str) -> str:
    """Return the storage account in the URL of a container."""
    return url.removeprefix("https://").partition(".")[0]


def _app_plan_tier(facts: RequestFacts) -> str:
    return plan_tier(facts["plan"] or {})


def _is_flex(facts: RequestFacts) -> bool:
    return _app_plan_tier(facts) == FLEX_TIER


def _app_settings(facts: RequestFacts) -> dict[str, str]:
    pairs = (facts["siteConfig"] or {}).get("appSettings") or ()
    return {str(pair.get("name")): str(pair.get("value")) for pair in pairs}


def _repeats_setting_name(context: GuardContext) -> bool:
    """Setting names are one whatever their case, in an app and in the resource of its settings."""
    pairs = (context.facts["siteConfig"] or {}).get("appSettings") or ()
    names = [*(str(pair.get("name")) for pair in pairs), *(context.facts["properties"] or {})]
    folded = [name.lower() for name in names]
    repeated = next((name for place, name in enumerate(names) if folded[place] in folded[:place]), "")
    context.facts["repeated_setting"] = repeated
    return bool(repeated)


def _scale_settings(facts: RequestFacts) -> dict[str, Any]:
    return (facts["functionAppConfig"] or {}).get("scaleAndConcurrency") or {}


def _lacks_function_app_config(context: GuardContext) -> bool:
    return _is_flex(context.facts) and not context.facts["functionAppConfig"]


def _flex_has_property(name: str) -> Callable[[GuardContext], bool]:
    return lambda context: _is_flex(context.facts) and (context.facts["siteConfig"] or {}).get(name) is not None


def _flex_has_setting(name: str) -> Callable[[GuardContext], bool]:
    return lambda context: _is_flex(context.facts) and name in _app_settings(context.facts)


def _flex_has_setting_with_colon(context: GuardContext) -> bool:
    return _is_flex(context.facts) and any(":" in name for name in _app_settings(context.facts))


def _exceeds_maximum_instances(context: GuardContext) -> bool:
    scale = _scale_settings(context.facts)
    ready = sum(one.get("instanceCount") or 0 for one in scale.get("alwaysReady") or ())
    return bool(ready > (scale.get("maximumInstanceCount") or 100))


def _has_small_instances(context: GuardContext) -> bool:
    return bool(_scale_settings(context.facts).get("instanceMemoryMB") == 512)


def _joins_network_on_consumption(context: GuardContext) -> bool:
    return _app_plan_tier(context.facts) == "Consumption" and bool(context.facts["virtualNetworkSubnetId"])


def _lacks_delegation(service: str, *, to_flex: bool) -> Callable[[GuardContext], bool]:
    def applies(context: GuardContext) -> bool:
        facts = context.facts
        return (
            bool(facts["subnet"]) and _is_flex(facts) is to_flex and service not in subnet_delegations(facts["subnet"])
        )

    return applies


def _joins_subnet_with_underscore(context: GuardContext) -> bool:
    subnet = context.facts["subnet"] or {}
    return _is_flex(context.facts) and "_" in str(subnet.get("subnetName", ""))


def _share_key_is_disabled(context: GuardContext) -> bool:
    connection = dict(
        part.partition("=")[::2] for part in _app_settings(context.facts).get(_SHARE_SETTING, "").split(";")
    )
    rows = context.resources_of(STORAGE_ACCOUNT_TYPE) if "AccountKey" in connection else ()
    return any(row["accountName"] == connection["AccountName"] and row["allowSharedKeyAccess"] is False for row in rows)


def _shares_host_id(context: GuardContext) -> bool:
    facts = context.facts
    account = _storage_account_of(_app_package_store(facts)["value"])
    return bool(account) and any(
        row["name"][:_HOST_ID_LENGTH] == facts["name"][:_HOST_ID_LENGTH]
        and _storage_account_of(_app_package_store(row)["value"]) == account
        for row in context.resources_of(APP_TYPE)
    )


def _storage_is_not_zone_redundant(context: GuardContext) -> bool:
    account = _storage_account_of(_app_package_store(context.facts)["value"])
    is_zone_redundant = bool((context.facts["plan"] or {}).get("zoneRedundant"))
    rows = context.resources_of(STORAGE_ACCOUNT_TYPE) if is_zone_redundant and account else ()
    return any(row["accountName"] == account and "ZRS" not in row["sku"]["name"] for row in rows)


def _allows_credentials_from_any_origin(context: GuardContext) -> bool:
    cors = (context.facts["siteConfig"] or {}).get("cors") or {}
    return bool(cors.get("supportCredentials")) and "*" in (cors.get("allowedOrigins") or ())


def _delegation_guard(service: str, *, to_flex: bool) -> RequestGuard:
    message = (
        f"Subnet {{subnet[subnetName]}} in VNET {{subnet[virtualNetworkName]}} is missing a delegation to {service}."
    )
    refusal = Refusal("SubnetMissingRequiredDelegation", f"{message} Please add the delegation and try again.")
    return RequestGuard(_lacks_delegation(service, to_flex=to_flex), refusal, OBSERVED)


def _refused_name_guards() -> Iterator[RequestGuard]:
    for name in _REFUSED_PROPERTIES:
        path = f"Site.SiteConfig.{name[0].upper()}{name[1:]}"
        message = f"The following site configuration property ({path}) {_REMOVE_ADVICE}"
        yield RequestGuard(_flex_has_property(name), Refusal("BadRequest", message), OBSERVED)
    for name in _REFUSED_SETTINGS:
        message = f"The following app setting (Site.SiteConfig.AppSettings.{name}) {_REMOVE_ADVICE}"
        yield RequestGuard(_flex_has_setting(name), Refusal("BadRequest", message), OBSERVED)


def _app_guard(applies: Callable[[GuardContext], bool], evidence: Evidence, message: str) -> RequestGuard:
    return RequestGuard(applies, Refusal("BadRequest", message), evidence)


SETTING_NAME_GUARD: Final = RequestGuard(
    # source: the answers in github.com/Azure/azure-cli/issues/13673 and microsoft/azure-pipelines-tasks/issues/14689
    _repeats_setting_name,
    Refusal("Conflict", "Parameter with name {repeated_setting} already exists.", 409),
    OBSERVED,
)

APP_GUARDS: Final = (
    _app_guard(
        _lacks_function_app_config,
        OBSERVED,
        "Site.FunctionAppConfig is invalid. The FunctionAppConfig section was not specified in the request, which is "
        "required for Flex Consumption sites. To proceed, please add the FunctionAppConfig section in your request.",
    ),
    *_refused_name_guards(),
    SETTING_NAME_GUARD,
    _app_guard(
        _flex_has_property("netFrameworkVersion"),
        GENERAL,
        "Some regions refuse netFrameworkVersion for Flex Consumption sites; the SDK's SiteConfigArgs always sends it, "
        "a plain mapping does not.",
    ),
    _app_guard(_flex_has_setting_with_colon, OBSERVED, "The names of app settings must not contain ':'; use '__'."),
    _app_guard(
        _exceeds_maximum_instances,
        TERRAFORM,
        "The total number of always ready instances must not be more than the maximum instance count.",
    ),
    _app_guard(
        _has_small_instances, GENERAL, "This region or API version may refuse 512 MB; 2048 MB is accepted everywhere."
    ),
    _app_guard(_joins_network_on_consumption, DOC, "Consumption plans have no virtual network integration."),
    _delegation_guard("Microsoft.App/environments", to_flex=True),
    _delegation_guard("Microsoft.Web/serverFarms", to_flex=False),
    _app_guard(
        _joins_subnet_with_underscore,
        OBSERVED,
        "Subnet names with underscores are not supported by Flex Consumption sites.",
    ),
    _app_guard(
        _share_key_is_disabled,
        OBSERVED,
        "Creation of storage file share failed with: 'The remote server returned an error: (403) Forbidden.'. "
        "Please check if the storage account is accessible.",
    ),
    _app_guard(_storage_is_not_zone_redundant, DOC, "A zone redundant plan needs a zone redundant storage account."),
    _app_guard(
        _shares_host_id,
        GENERAL,
        f"Another app on this storage account begins with the same {_HOST_ID_LENGTH} characters: both get one host id, "
        "and the host stops.",
    ),
    _app_guard(
        _allows_credentials_from_any_origin,
        GENERAL,
        "Browsers refuse credentials where every origin is allowed.",
    ),
)


def _package_authentication(context: GuardContext) -> ResourceProperties:
    return RequestFacts(_app_package_store(context.facts)["authentication"] or {})


def _lacks_package_container(context: GuardContext) -> bool:
    url = _app_package_store(context.facts)["value"]
    rows = context.resources_of(CONTAINER_TYPE)
    return not any(blob_endpoint(row["accountName"]) + row["containerName"] == url for row in rows)


def _package_account(context: GuardContext) -> ResourceProperties:
    name = _storage_account_of(_app_package_store(context.facts)["value"])
    return next(
        (row for row in context.resources_of(STORAGE_ACCOUNT_TYPE) if row["accountName"] == name), RequestFacts()
    )


def _package_key_is_disabled(context: GuardContext) -> bool:
    return (
        _package_authentication(context)["type"] == _KEY_AUTHENTICATION
        and _package_account(context)["allowSharedKeyAccess"] is False
    )


def _app_principals(context: GuardContext) -> Iterator[str]:
    wanted = _package_authentication(context)["userAssignedIdentityResourceId"]
    if wanted:
        yield from (row["principalId"] for row in context.resources_of(IDENTITY_TYPE) if row["id"] == wanted)
    else:
        yield (context.facts["identity"] or {}).get("principalId", "")


def _cannot_write_package(context: GuardContext) -> bool:
    if _package_authentication(context)["type"] == _KEY_AUTHENTICATION:
        return False
    account, principals = _package_account(context)["id"], set(_app_principals(context))
    return not any(
        _grants_blob_writing(row, account, context.facts["now"])
        for row in context.resources_of(ROLE_ASSIGNMENT_TYPE)
        if row["principalId"] in principals
    )


def _grants_blob_writing(assignment: ResourceProperties, account: str, now: str) -> bool:
    return (
        str(assignment["roleDefinitionId"]).endswith(_BLOB_WRITER_ROLES)
        and account.startswith(assignment["scope"])
        and seconds_between(now, assignment["createdOn"]) >= ROLE_PROPAGATION_SECONDS
    )


CODE_GUARDS: Final = (
    RequestGuard(_lacks_package_container, Refusal("ContainerNotFound", f"{_UPLOAD_FAILED} NotFound", 404), OBSERVED),
    RequestGuard(
        _package_key_is_disabled,
        Refusal("Forbidden", "Key based authentication is not permitted on this storage account.", 403),
        OBSERVED,
    ),
    RequestGuard(
        _cannot_write_package,
        Refusal(
            "Forbidden",
            f"{_UPLOAD_FAILED} Forbidden : Response status code does not indicate success: 403 (This request is not "
            "authorized to perform this operation.).",
            403,
            retryable=True,
            retry_after=15,
        ),
        OBSERVED,
    ),
)
