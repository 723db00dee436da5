"""Static Web Apps, and zones of DNS with their records.

Source of what is `DOC`: Azure's documentation of Static Web Apps (regions, plans) and of DNS.
"""

from __future__ import annotations

from typing import Final

from semantest_iac.infrastructure.simulated_cloud.azure.resource_type import (
    PROVIDERS_ID_PREFIX,
    ArmType,
    id_reference,
    refine,
)
from semantest_iac.infrastructure.simulated_cloud.runtime.naming import hex_suffix
from semantest_iac.infrastructure.simulated_cloud.schema.properties import (
    DOC,
    TERRAFORM,
    Length,
    OneOf,
    Pattern,
    Range,
)
from semantest_iac.infrastructure.simulated_cloud.schema.refusals import Refusal
from semantest_iac.infrastructure.simulated_cloud.schema.rules import GuardContext, RequestGuard, TypeRule
from semantest_iac.infrastructure.simulated_cloud.schema.values import RequestFacts

STATIC_SITE_TYPE: Final = "azure-native:web:StaticSite"
PUBLIC_ZONE_TYPE: Final = "azure-native:dns:Zone"
PUBLIC_RECORD_TYPE: Final = "azure-native:dns:RecordSet"
SITE_REGIONS: Final = ("westus2", "centralus", "eastus2", "westeurope", "eastasia")

_ZONES_ID: Final = f"{PROVIDERS_ID_PREFIX}Microsoft.Network/dnsZones"
_WORDS: Final = ("calm", "green", "happy", "kind", "lively", "mango", "polite", "white")
_RECORDS: Final = ("A", "AAAA", "CAA", "CNAME", "DS", "MX", "NAPTR", "NS", "PTR", "SOA", "SRV", "TLSA", "TXT")


def _default_host(facts: RequestFacts) -> str:
    digest = hex_suffix(facts["uuid"], 12)
    return f"{_WORDS[int(digest[0], 16) % len(_WORDS)]}-field-{digest[1:]}.{int(digest[1], 16) % 7}.azurestaticapps.net"


def _name_servers(facts: RequestFacts) -> list[str]:
    place = int(hex_suffix(facts["uuid"], 2), 16) % 10 + 1
    return [f"ns{at}-0{place % 10}.azure-dns.{top}." for at, top in enumerate(("com", "net", "org", "info"), 1)]


def _is_cname_at_apex(context: GuardContext) -> bool:
    return bool(context.facts["recordType"] == "CNAME" and context.facts["relativeRecordSetName"] == "@")


def _record_fqdn(facts: RequestFacts) -> str:
    name = facts["relativeRecordSetName"]
    return f"{facts['zoneName']}." if name == "@" else f"{name}.{facts['zoneName']}."


STATIC_SITE_TYPES: Final[dict[str, TypeRule]] = {
    STATIC_SITE_TYPE: ArmType(STATIC_SITE_TYPE, f"{PROVIDERS_ID_PREFIX}Microsoft.Web/staticSites/{{name}}").rule(
        {
            "name": refine(Length(1, 60, TERRAFORM), Pattern(r"^[0-9a-zA-Z-]{1,60}\Z", TERRAFORM)),
            "location": refine(OneOf(SITE_REGIONS, DOC)),
            "sku.name": refine(OneOf(("Free", "Standard", "Dedicated"), DOC)),
        },
        computed={
            "defaultHostname": _default_host,
            "contentDistributionEndpoint": "https://content-ms0.infrastructure.0.azurestaticapps.net",
            "keyVaultReferenceIdentity": "SystemAssigned",
            "provider": "None",
            "enterpriseGradeCdnStatus": "Disabled",
            "publicNetworkAccess": "Enabled",
        },
        code_guards=(),
        latency_seconds=20,
    ),
    PUBLIC_ZONE_TYPE: ArmType(PUBLIC_ZONE_TYPE, f"{_ZONES_ID}/{{zoneName}}").rule(
        {
            "zoneName": refine(Length(1, 253, DOC)),
            "location": refine(OneOf(("global", "Global"), TERRAFORM)),
        },
        computed={
            "nameServers": _name_servers,
            "maxNumberOfRecordSets": lambda _: 10000,
            "maxNumberOfRecordsPerRecordSet": lambda _: 20,
            "numberOfRecordSets": lambda _: 2,
            "zoneType": "Public",
        },
        latency_seconds=10,
    ),
    PUBLIC_RECORD_TYPE: ArmType(
        PUBLIC_RECORD_TYPE, f"{_ZONES_ID}/{{zoneName}}/{{recordType}}/{{relativeRecordSetName}}"
    ).rule(
        {"recordType": refine(OneOf(_RECORDS, DOC), force_new=True), "ttl": refine(Range(1, 2147483647, TERRAFORM))},
        computed={"fqdn": _record_fqdn},
        references=(id_reference("targetResource.id"),),
        guards=(
            RequestGuard(
                _is_cname_at_apex,
                Refusal("BadRequest", "The record set with type CNAME cannot be created at the zone apex."),
                DOC,
            ),
        ),
    ),
}
