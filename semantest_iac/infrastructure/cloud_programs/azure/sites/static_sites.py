"""Static Web Apps, and where their packages wait for them.

A Static Web App takes its files as a zip at an address (`publishing.py`). What it is told besides, its headers and
variables, is metadata of the container with the package: the program knows it, and the package is the same everywhere.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

import pulumi
from pulumi_azure_native import cdn, storage, web

from semantest_iac.domain.networking.sites import StaticSite
from semantest_iac.infrastructure.cloud_programs.azure.foundation import (
    azure_name,
    common_arguments,
    globally_unique_name,
)
from semantest_iac.infrastructure.cloud_programs.azure.sites.publishing import (
    PACKAGE_CONTAINER,
    SETTINGS_METADATA,
    SETTINGS_TAG,
    STORAGE_TAG,
)
from semantest_iac.infrastructure.cloud_programs.cloud import FOUNDATION
from semantest_iac.infrastructure.cloud_programs.code_publishing import PACKAGE_TAG
from semantest_iac.infrastructure.cloud_programs.context import Outputs, ProgramContext

_PREMIUM = "Premium_AzureFrontDoor"  # the one with a firewall's managed rules
_PACKAGE_DAYS = 7
_REGIONS: Mapping[str, tuple[str, ...]] = {
    "westus2": ("westus", "westus2", "westus3", "westcentralus"),
    "centralus": ("centralus", "northcentralus", "southcentralus", "mexicocentral"),
    "eastus2": ("eastus", "eastus2", "canadacentral", "canadaeast", "brazilsouth", "brazilsoutheast"),
    "eastasia": (
        *("eastasia", "southeastasia", "japaneast", "japanwest", "koreacentral", "koreasouth", "centralindia"),
        *("southindia", "westindia", "jioindiawest", "australiaeast", "australiasoutheast", "australiacentral"),
        *("indonesiacentral", "malaysiawest", "newzealandnorth"),
    ),
}
"""The regions of Static Web Apps, each with those that it is nearest to; westeurope is for all others.

Source: Azure's documentation, "What is Azure Static Web Apps", regions.
"""


def find_site_region(region: str) -> str:
    """Return the nearest region that has Static Web Apps; their files are answered from everywhere."""
    return next((it for it, near in _REGIONS.items() if region in near), "westeurope")


def create_static_site(site: StaticSite, context: ProgramContext) -> Outputs:
    """Create the app, and Front Door's profile where visitors come through it alone."""
    package, account = context.find_site_package(), _create_account(site, context)
    profile = _create_profile(site, context) if site.is_delivered else None
    settings = _describe_settings(site, profile, context)
    container = storage.BlobContainer(
        site.name,
        account_name=account.name,
        container_name=PACKAGE_CONTAINER,
        resource_group_name=context.outputs[FOUNDATION]["group"],
        public_access="None",
        metadata={SETTINGS_METADATA: settings},
        opts=context.options(),
    )
    plan = "Standard" if site.is_delivered else "Free"
    tags = {
        PACKAGE_TAG: package.digest,
        SETTINGS_TAG: settings.apply(lambda text: sha256(text.encode()).hexdigest()[:16]),
        STORAGE_TAG: account.name,
    }
    created = web.StaticSite(
        site.name,
        name=azure_name("static site", context, site.name),
        sku={"name": plan, "tier": plan},
        allow_config_file_updates=True,
        staging_environment_policy="Disabled",
        **common_arguments(context)
        | {"location": find_site_region(context.stack.region), "tags": {**context.tags, **tags}},
        opts=context.options(depends_on=[container]),
    )
    return {
        "id": created.id,
        "arn": created.id,
        "name": created.name,
        "host": created.default_hostname,
        "url": pulumi.Output.concat("https://", created.default_hostname),
        "profile": profile,
    }


def _create_account(site: StaticSite, context: ProgramContext) -> storage.StorageAccount:
    """Create the account of the packages, whose key signs the addresses at which the app fetches them."""
    account = storage.StorageAccount(
        site.name,
        account_name=globally_unique_name("storage", context, site.name),
        kind="StorageV2",
        sku={"name": "Standard_LRS"},
        allow_blob_public_access=False,
        allow_shared_key_access=True,
        enable_https_traffic_only=True,
        minimum_tls_version="TLS1_2",
        **common_arguments(context),
        opts=context.options(),
    )
    storage.ManagementPolicy(
        site.name,
        account_name=account.name,
        management_policy_name="default",
        resource_group_name=context.outputs[FOUNDATION]["group"],
        policy={
            "rules": [
                {
                    "name": "packages",
                    "type": "Lifecycle",
                    "enabled": True,
                    "definition": {
                        "filters": {"blob_types": ["blockBlob"], "prefix_match": [f"{PACKAGE_CONTAINER}/packages/"]},
                        "actions": {"base_blob": {"delete": {"days_after_modification_greater_than": _PACKAGE_DAYS}}},
                    },
                }
            ]
        },
        opts=context.options(),
    )
    return account


def _create_profile(site: StaticSite, context: ProgramContext) -> cdn.Profile:
    """Create the profile here, so that the app can refuse what comes through others."""
    return cdn.Profile(
        site.name,
        profile_name=azure_name("front door", context, site.name),
        location="Global",
        resource_group_name=context.outputs[FOUNDATION]["group"],
        sku={"name": _PREMIUM},
        tags=context.tags,
        opts=context.options(),
    )


def _describe_settings(site: StaticSite, profile: cdn.Profile | None, context: ProgramContext) -> pulumi.Output[str]:
    """Return what the publisher writes into the package, as text that metadata can hold."""
    addresses = {name: context.outputs[ref]["url"] for name, ref in site.addresses.items()}
    described: dict[str, Any] = {
        "single_page": site.single_page,
        "cache_s": site.cache_s,
        "headers": dict(site.headers),
        "variables": {**site.variables, **addresses},
        "front_door": profile.front_door_id if profile else "",
    }
    text: pulumi.Output[str] = pulumi.Output.all(**described).apply(lambda it: json.dumps(it, sort_keys=True))
    return text
