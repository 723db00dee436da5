"""What App Service refuses of function apps, where a table cannot say it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from semantest_iac.infrastructure.simulated_cloud.azure.every_type import DOC, GENERAL, SEEN, TERRAFORM
from semantest_iac.infrastructure.simulated_cloud.azure.networks import delegations
from semantest_iac.infrastructure.simulated_cloud.azure.storage import ACCOUNT
from semantest_iac.infrastructure.simulated_cloud.limits import Evidence
from semantest_iac.infrastructure.simulated_cloud.refusal import Refusal
from semantest_iac.infrastructure.simulated_cloud.rules import Guard, Surroundings
from semantest_iac.infrastructure.simulated_cloud.values import Facts, Properties

APP: Final = "azure-native:web:WebApp"

_HOST_ID: Final = 32
_SHARE: Final = "WEBSITE_CONTENTAZUREFILECONNECTIONSTRING"
_REMOVE: Final = "for Flex Consumption sites is invalid. Please remove or rename it before retrying."
_REFUSED_PROPERTIES: Final = ("linuxFxVersion", "functionAppScaleLimit")
_REFUSED_SETTINGS: Final = ("FUNCTIONS_WORKER_RUNTIME", _SHARE, "WEBSITE_CONTENTSHARE", "WEBSITE_CONTENTOVERVNET")


def tier(plan: Properties) -> str:
    """The kind of a plan: one of FlexConsumption, Consumption, ElasticPremium, or what else its tier says."""
    sku = plan.get("sku") or {}
    name = str(sku.get("name", ""))
    by_name = {"FC": "FlexConsumption", "Y1": "Consumption", "EP": "ElasticPremium"}
    return by_name.get(name[:2], str(sku.get("tier", "")))


def package_store(app: Properties) -> Properties:
    """Where a Flex app keeps its package."""
    deployment = (app.get("functionAppConfig") or {}).get("deployment") or {}
    return Facts(deployment.get("storage") or {})


def account_of(url: str) -> str:
    """The storage account in the address of a container."""
    return url.removeprefix("https://").partition(".")[0]


def _tier(facts: Facts) -> str:
    return tier(facts["plan"] or {})


def _is_flex(facts: Facts) -> bool:
    return _tier(facts) == "FlexConsumption"


def _settings(facts: Facts) -> dict[str, str]:
    pairs = (facts["siteConfig"] or {}).get("appSettings") or ()
    return {str(pair.get("name")): str(pair.get("value")) for pair in pairs}


def _scale(facts: Facts) -> dict[str, Any]:
    return (facts["functionAppConfig"] or {}).get("scaleAndConcurrency") or {}


def _lacks_its_config(around: Surroundings) -> bool:
    return _is_flex(around.facts) and not around.facts["functionAppConfig"]


def _has_property(name: str) -> Callable[[Surroundings], bool]:
    return lambda around: _is_flex(around.facts) and (around.facts["siteConfig"] or {}).get(name) is not None


def _has_setting(name: str) -> Callable[[Surroundings], bool]:
    return lambda around: _is_flex(around.facts) and name in _settings(around.facts)


def _names_with_a_colon(around: Surroundings) -> bool:
    return _is_flex(around.facts) and any(":" in name for name in _settings(around.facts))


def _keeps_more_ready_than_it_may_have(around: Surroundings) -> bool:
    scale = _scale(around.facts)
    ready = sum(one.get("instanceCount") or 0 for one in scale.get("alwaysReady") or ())
    return bool(ready > (scale.get("maximumInstanceCount") or 100))


def _is_small(around: Surroundings) -> bool:
    return bool(_scale(around.facts).get("instanceMemoryMB") == 512)


def _joins_from_consumption(around: Surroundings) -> bool:
    return _tier(around.facts) == "Consumption" and bool(around.facts["virtualNetworkSubnetId"])


def _is_not_handed(service: str, *, to_flex: bool) -> Callable[[Surroundings], bool]:
    def objects(around: Surroundings) -> bool:
        facts = around.facts
        return bool(facts["subnet"]) and _is_flex(facts) is to_flex and service not in delegations(facts["subnet"])

    return objects


def _joins_an_underscore(around: Surroundings) -> bool:
    subnet = around.facts["subnet"] or {}
    return _is_flex(around.facts) and "_" in str(subnet.get("subnetName", ""))


def _may_not_use_its_key(around: Surroundings) -> bool:
    share = dict(part.partition("=")[::2] for part in _settings(around.facts).get(_SHARE, "").split(";"))
    rows = around.rows(ACCOUNT) if "AccountKey" in share else ()
    return any(row["accountName"] == share["AccountName"] and row["allowSharedKeyAccess"] is False for row in rows)


def _shares_its_host_id(around: Surroundings) -> bool:
    facts = around.facts
    ours = account_of(package_store(facts)["value"])
    return bool(ours) and any(
        row["name"][:_HOST_ID] == facts["name"][:_HOST_ID] and account_of(package_store(row)["value"]) == ours
        for row in around.rows(APP)
    )


def _stands_in_one_zone(around: Surroundings) -> bool:
    account = account_of(package_store(around.facts)["value"])
    zoned = bool((around.facts["plan"] or {}).get("zoneRedundant"))
    rows = around.rows(ACCOUNT) if zoned and account else ()
    return any(row["accountName"] == account and "ZRS" not in row["sku"]["name"] for row in rows)


def _opens_credentials_to_all(around: Surroundings) -> bool:
    cors = (around.facts["siteConfig"] or {}).get("cors") or {}
    return bool(cors.get("supportCredentials")) and "*" in (cors.get("allowedOrigins") or ())


def _is_undelegated(service: str, *, to_flex: bool) -> Guard:
    message = (
        f"Subnet {{subnet[subnetName]}} in VNET {{subnet[virtualNetworkName]}} is missing a delegation to {service}."
    )
    refusal = Refusal("SubnetMissingRequiredDelegation", f"{message} Please add the delegation and try again.")
    return Guard(_is_not_handed(service, to_flex=to_flex), refusal, SEEN)


def _refused_names() -> Iterator[Guard]:
    for name in _REFUSED_PROPERTIES:
        place = f"Site.SiteConfig.{name[0].upper()}{name[1:]}"
        message = f"The following site configuration property ({place}) {_REMOVE}"
        yield Guard(_has_property(name), Refusal("BadRequest", message), SEEN)
    for name in _REFUSED_SETTINGS:
        message = f"The following app setting (Site.SiteConfig.AppSettings.{name}) {_REMOVE}"
        yield Guard(_has_setting(name), Refusal("BadRequest", message), SEEN)


def _guard(objects: Callable[[Surroundings], bool], evidence: Evidence, message: str) -> Guard:
    return Guard(objects, Refusal("BadRequest", message), evidence)


GUARDS: Final = (
    _guard(
        _lacks_its_config,
        SEEN,
        "Site.FunctionAppConfig is invalid. The FunctionAppConfig section was not specified in the request, which is "
        "required for Flex Consumption sites. To proceed, please add the FunctionAppConfig section in your request.",
    ),
    *_refused_names(),
    _guard(
        _has_property("netFrameworkVersion"),
        GENERAL,
        "Some regions refuse netFrameworkVersion for Flex Consumption sites; the SDK's SiteConfigArgs always sends it, "
        "a plain mapping does not.",
    ),
    _guard(_names_with_a_colon, SEEN, "The names of app settings must not contain ':'; use '__'."),
    _guard(
        _keeps_more_ready_than_it_may_have,
        TERRAFORM,
        "The total number of always ready instances must not be more than the maximum instance count.",
    ),
    _guard(_is_small, GENERAL, "This region or API version may refuse 512 MB; 2048 MB is accepted everywhere."),
    _guard(_joins_from_consumption, DOC, "Consumption plans have no virtual network integration."),
    _is_undelegated("Microsoft.App/environments", to_flex=True),
    _is_undelegated("Microsoft.Web/serverFarms", to_flex=False),
    _guard(_joins_an_underscore, SEEN, "Subnet names with underscores are not supported by Flex Consumption sites."),
    _guard(
        _may_not_use_its_key,
        SEEN,
        "Creation of storage file share failed with: 'The remote server returned an error: (403) Forbidden.'. "
        "Please check if the storage account is accessible.",
    ),
    _guard(_stands_in_one_zone, DOC, "A zone redundant plan needs a zone redundant storage account."),
    _guard(
        _shares_its_host_id,
        GENERAL,
        f"Another app on this storage account begins with the same {_HOST_ID} characters: both get one host id, and "
        "the host stops.",
    ),
    _guard(
        _opens_credentials_to_all,
        GENERAL,
        "Browsers refuse credentials where every origin is allowed.",
    ),
)
