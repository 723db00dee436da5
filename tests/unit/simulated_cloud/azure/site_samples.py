"""Valid samples of a static site, Front Door with its firewall, and a zone of DNS."""

from __future__ import annotations

from semantest_iac.infrastructure.simulated_cloud.azure.sites.front_doors import (
    FRONT_DOMAIN_TYPE,
    FRONT_ENDPOINT_TYPE,
    FRONT_FIREWALL_TYPE,
    FRONT_ROUTE_TYPE,
    ORIGIN_GROUP_TYPE,
    ORIGIN_TYPE,
    PROFILE_TYPE,
    SECURITY_POLICY_TYPE,
)
from semantest_iac.infrastructure.simulated_cloud.azure.sites.static_sites import (
    PUBLIC_RECORD_TYPE,
    PUBLIC_ZONE_TYPE,
    STATIC_SITE_TYPE,
)
from tests.unit.simulated_cloud.azure.tokens import IN_GROUP, Sample

_PREMIUM = {"name": "Premium_AzureFrontDoor"}
_OF_PROFILE = {**IN_GROUP, "profileName": "semantest-front"}

SAMPLES: dict[str, Sample] = {
    STATIC_SITE_TYPE: lambda _: {
        **IN_GROUP,
        "name": "semantest-site",
        "location": "westeurope",
        "sku": {"name": "Free", "tier": "Free"},
    },
    PROFILE_TYPE: lambda _: {**_OF_PROFILE, "location": "Global", "sku": _PREMIUM},
    FRONT_ENDPOINT_TYPE: lambda _: {**_OF_PROFILE, "endpointName": "semantest", "location": "Global"},
    ORIGIN_GROUP_TYPE: lambda _: {
        **_OF_PROFILE,
        "originGroupName": "site",
        "loadBalancingSettings": {"sampleSize": 4, "successfulSamplesRequired": 3},
    },
    ORIGIN_TYPE: lambda world: {
        **_OF_PROFILE,
        "originGroupName": "site",
        "originName": "site",
        "hostName": world[STATIC_SITE_TYPE].outputs["defaultHostname"],
    },
    FRONT_DOMAIN_TYPE: lambda _: {
        **_OF_PROFILE,
        "customDomainName": "app-semantest-com",
        "hostName": "app.semantest.com",
    },
    FRONT_ROUTE_TYPE: lambda world: {
        **_OF_PROFILE,
        "endpointName": "semantest",
        "routeName": "site",
        "originGroup": {"id": world[ORIGIN_GROUP_TYPE].id},
        "patternsToMatch": ["/*"],
    },
    FRONT_FIREWALL_TYPE: lambda _: {
        **IN_GROUP,
        "policyName": "semantestfirewall",
        "location": "Global",
        "sku": _PREMIUM,
        "policySettings": {"mode": "Prevention"},
    },
    SECURITY_POLICY_TYPE: lambda world: {
        **_OF_PROFILE,
        "securityPolicyName": "firewall",
        "parameters": {
            "type": "WebApplicationFirewall",
            "wafPolicy": {"id": world[FRONT_FIREWALL_TYPE].id},
            "associations": [{"domains": [{"id": world[FRONT_ENDPOINT_TYPE].id}], "patternsToMatch": ["/*"]}],
        },
    },
    PUBLIC_ZONE_TYPE: lambda _: {**IN_GROUP, "zoneName": "semantest.com", "location": "global"},
    PUBLIC_RECORD_TYPE: lambda _: {
        **IN_GROUP,
        "zoneName": "semantest.com",
        "recordType": "TXT",
        "relativeRecordSetName": "_dnsauth.app",
        "ttl": 3600,
        "txtRecords": [{"value": ["proof"]}],
    },
}
