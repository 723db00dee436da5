"""Function apps on the Flex Consumption plan."""

from __future__ import annotations

from typing import Any

import pulumi
from pulumi_azure_native import monitor, web

from semantest_iac.domain.compute.artifact import Artifact
from semantest_iac.domain.compute.function import ServerlessFunction
from semantest_iac.domain.environments import runtimes
from semantest_iac.domain.environments.sizes import memory_of
from semantest_iac.domain.errors import ValidationError
from semantest_iac.infrastructure.cloud_programs.azure.app_settings import GATEWAY_KEY, door_key, settings_of
from semantest_iac.infrastructure.cloud_programs.azure.limits import name_of, worldwide
from semantest_iac.infrastructure.cloud_programs.azure.packages import package_store
from semantest_iac.infrastructure.cloud_programs.cloud import GROUND
from semantest_iac.infrastructure.cloud_programs.code import PACKAGE_TAG
from semantest_iac.infrastructure.cloud_programs.context import Context, Made

_LANGUAGES = {"nodejs": "node", "python": "python"}
_MOST_INSTANCES = 100  # what Azure takes where nothing is said


def serverless_function(function: ServerlessFunction, context: Context) -> Made:
    """A plan and an app that waits for its package."""
    artifact, logs = _package(function, context), context.made[function.log_store]
    store = package_store(function.name, context.made[function.identity], context)
    key = door_key(store, context)
    settings = settings_of(function, artifact, store, context) | ({GATEWAY_KEY: key} if key else {})
    app = _app(function, artifact, store, settings, context)
    _log(function.name, app, logs, context)
    return {
        "arn": app.id,
        "name": app.name,
        "host": app.default_host_name,
        "version": artifact.digest[:12],
        "runtime": artifact.runtime,
        "memory_mb": memory_of("azure", function.memory_mb),
        "insights": logs["insights"],
        "most": _most(function),
        "workspace": logs["workspace"],
        "door_key": key,
        "takes_code": True,
        **({"digest": artifact.digest} if function.package else {}),
    }


def _app(
    function: ServerlessFunction, artifact: Artifact, store: Made, settings: dict[str, Any], context: Context
) -> web.WebApp:
    identity = context.made[function.identity]
    return web.WebApp(
        function.name,
        name=worldwide("app", context, function.purpose),
        resource_group_name=context.made[GROUND]["group"],
        location=context.stack.region,
        kind="functionapp,linux",
        reserved=True,
        https_only=True,
        server_farm_id=_plan(function, context).id,
        identity={"type": "UserAssigned", "user_assigned_identities": [identity["id"]]},
        key_vault_reference_identity=identity["id"],
        function_app_config=_flex(function, artifact, store, identity["id"]),
        site_config=_site(settings, context),
        virtual_network_subnet_id=context.made[function.network]["subnet_id"] if function.network else None,
        tags={**context.tags, PACKAGE_TAG: artifact.digest},
        opts=context.options(
            depends_on=[*identity["rights"], *store["rights"], *_secrets(function, context)],
            replace_on_changes=["functionAppConfig.runtime.name"],  # another language is another app
            delete_before_replace=True,
        ),
    )


def _package(function: ServerlessFunction, context: Context) -> Artifact:
    artifact = context.artifact
    if artifact and function.package:
        artifact = artifact.companions.get(function.package)
    if artifact is None:
        raise ValidationError(f"Cannot deploy function '{function.name}': it has no package.")
    return artifact


def _plan(function: ServerlessFunction, context: Context) -> web.AppServicePlan:
    return web.AppServicePlan(
        function.name,
        name=name_of("plan", context, function.purpose),
        resource_group_name=context.made[GROUND]["group"],
        location=context.stack.region,
        kind="functionapp",
        reserved=True,
        sku={"name": "FC1", "tier": "FlexConsumption"},
        tags=context.tags,
        opts=context.options(),
    )


def _flex(function: ServerlessFunction, artifact: Artifact, store: Made, identity: pulumi.Input[str]) -> dict[str, Any]:
    runtime, scaling = runtimes.find("azure", artifact.runtime), function.scaling
    warm = [{"name": "http", "instance_count": scaling.minimum}] if scaling.minimum else []
    return {
        "deployment": {
            "storage": {
                "type": "blobContainer",
                "value": store["url"],
                "authentication": {
                    "type": "UserAssignedIdentity",
                    "user_assigned_identity_resource_id": identity,
                },
            }
        },
        "runtime": {"name": _LANGUAGES[runtime.language], "version": runtime.version},
        "scale_and_concurrency": {
            "instance_memory_mb": memory_of("azure", function.memory_mb),
            "maximum_instance_count": _most(function),
            **({"always_ready": warm} if warm else {}),
        },
    }


def _most(function: ServerlessFunction) -> int:
    return function.scaling.maximum or _MOST_INSTANCES


def _site(settings: dict[str, Any], context: Context) -> dict[str, Any]:
    """A mapping, because the SDK's class names a version of .NET that such apps must not name."""
    browsers = context.made[GROUND]["browsers"]
    return {
        "app_settings": [{"name": name, "value": value} for name, value in sorted(settings.items())],
        **({"cors": browsers} if browsers else {}),
        "http20_enabled": True,
        "min_tls_version": "1.2",
    }


def _secrets(function: ServerlessFunction, context: Context) -> list[pulumi.Resource]:
    return [context.made[ref]["resource"] for ref in function.secrets.values()]


def _log(name: str, app: web.WebApp, logs: Made, context: Context) -> None:
    monitor.DiagnosticSetting(
        name,
        name="logs",
        resource_uri=app.id,
        workspace_id=logs["workspace"],
        logs=[{"category_group": "allLogs", "enabled": True}],
        opts=context.options(),
    )
