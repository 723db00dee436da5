"""What everything of a stack stands on: its resource group, its key vault, and who deploys it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeVar

import pulumi
from pulumi_azure_native import authorization, keyvault, resources

from semantest_iac.domain.blueprints.blueprint import Blueprint
from semantest_iac.domain.monitoring.log_store import LogStore
from semantest_iac.domain.networking.http_api import HttpApi
from semantest_iac.domain.resource import Resource
from semantest_iac.domain.security.app_secrets import AppSecret
from semantest_iac.infrastructure.cloud_programs.azure.limits import name_of, worldwide
from semantest_iac.infrastructure.cloud_programs.cloud import GROUND
from semantest_iac.infrastructure.cloud_programs.context import Context, Made

_SHORTEST_RECOVERY = 7  # days; a vault has no less

Kind = TypeVar("Kind", bound=Resource)


def ground(blueprint: Blueprint, context: Context) -> Made:
    """The group goes last of all and takes along what is in it, so it stays where logs are to stay."""
    who = authorization.get_client_config_output(opts=pulumi.InvokeOutputOptions(parent=context.parent))
    keeps = any(store.keep for store in _each(LogStore, blueprint))
    group = resources.ResourceGroup(
        GROUND,
        resource_group_name=name_of("group", context),
        location=context.stack.region,
        tags=context.tags,
        opts=context.options(retain_on_delete=keeps or None),
    )
    known = {"group": group.name, "subscription": who.subscription_id, "tenant": who.tenant_id}
    context.made[GROUND] = known  # names that are the stack's alone in all the world need it
    secrets = list(_each(AppSecret, blueprint))
    vault = _vault(secrets[0], known, context) if secrets else None
    return {
        **known,
        "vault": vault,
        "has_gateway": has_gateway(blueprint),
        "browsers": _browsers(blueprint),
    }


def has_gateway(blueprint: Blueprint) -> bool:
    """Whether API Management stands before the app; the app's own endpoint checks no token and limits nobody."""
    apis = _each(HttpApi, blueprint)
    return any(api.authorizer or blueprint.stack.environment != "development" for api in apis)


def _browsers(blueprint: Blueprint) -> dict[str, Any] | None:
    """Who may call the app itself, which is nobody behind a gateway."""
    asked = [api.cors for api in _each(HttpApi, blueprint) if api.cors]
    if has_gateway(blueprint) or not asked:
        return None
    return {"allowed_origins": list(asked[0].origins), "support_credentials": asked[0].credentials}


def _vault(secret: AppSecret, known: Made, context: Context) -> keyvault.Vault:
    """Purge protection cannot be taken back, and `false` is refused: it is on in production, and elsewhere unsaid."""
    return keyvault.Vault(
        GROUND,
        vault_name=worldwide("vault", context),
        resource_group_name=known["group"],
        location=context.stack.region,
        properties={
            "tenant_id": known["tenant"],
            "sku": {"family": "A", "name": "standard"},
            "enable_rbac_authorization": True,
            "soft_delete_retention_in_days": max(secret.recovery_days, _SHORTEST_RECOVERY),
            "enable_purge_protection": context.stack.environment == "production" or None,
        },
        tags=context.tags,
        opts=context.options(),
    )


def _each(kind: type[Kind], blueprint: Blueprint) -> Iterator[Kind]:
    return (resource for resource in blueprint.resources if isinstance(resource, kind))
