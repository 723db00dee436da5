"""Function apps on the Flex Consumption plan, and their settings."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pulumi
from pulumi_azure_native import monitor, storage, web

from semantest_iac.domain.compute.functions import Artifact, ServerlessFunction
from semantest_iac.domain.compute.triggers import call_variable
from semantest_iac.domain.delivery.canary import WHOLE
from semantest_iac.domain.delivery.live_version import LiveVersion
from semantest_iac.domain.environments.runtimes import find_runtime
from semantest_iac.domain.environments.settings import DEFAULT_PAYLOAD
from semantest_iac.domain.ports.provisioner import Deferred
from semantest_iac.infrastructure.cloud_programs.azure.foundation import (
    azure_name,
    common_arguments,
    globally_unique_name,
)
from semantest_iac.infrastructure.cloud_programs.azure.publishing import CANARY_APP
from semantest_iac.infrastructure.cloud_programs.azure.shared_apps import PayloadFormats
from semantest_iac.infrastructure.cloud_programs.azure.storage import STORAGE_SERVICES, create_package_storage
from semantest_iac.infrastructure.cloud_programs.cloud import FOUNDATION
from semantest_iac.infrastructure.cloud_programs.code_publishing import PACKAGE_TAG
from semantest_iac.infrastructure.cloud_programs.context import Outputs, ProgramContext
from semantest_iac.infrastructure.clouds.azure_rules import AZURE_LIMITS, LONGEST_LOCK_S, round_memory

GATEWAY_KEY_SETTING = "SEMANTEST_GATEWAY_KEY"
"""The setting with the key by which an app refuses requests that bypass its gateway."""
ROUTES_SETTING = "SEMANTEST_ROUTES"
"""The setting with the route keys of the API (JSON), from which events get `routeKey` and `pathParameters`.

A list, or in an app with several functions an object by function.
"""

DEFAULT_DOMAIN, MAIN_FUNCTION = "azurewebsites.net", "semantest"
LOCK_RENEWAL_SETTING = "AzureFunctionsJobHost__extensions__serviceBus__maxAutoLockRenewalDuration"
LOG_LEVEL_SETTING = "AzureFunctionsJobHost__logging__logLevel__Function"
PAYLOAD_SETTING = "SEMANTEST_PAYLOAD"
"""The setting with the format of events, if it is not the default one.

A text, or in an app with several functions an object (JSON) by function.
"""

TRIGGERS_SETTING = "SEMANTEST_TRIGGERS"
"""The setting with what calls the functions of the app besides requests (JSON), by function."""
CALLER_SETTING = "SEMANTEST_CALLER"
"""Begins the names of the settings with the only identity that may call the functions of the app."""
BROKER_SETTING = "SEMANTEST_BROKER"
"""The name of the connection to the broker whose messages call functions."""


def app_settings(
    function: ServerlessFunction, artifact: Artifact, store: Outputs, context: ProgramContext
) -> dict[str, Any]:
    """Return the settings by name; those of the host override those of the configuration."""
    identity, logs = context.outputs[function.identity], context.outputs[function.log_store]
    secrets = {
        setting: pulumi.Output.concat("@Microsoft.KeyVault(SecretUri=", context.outputs[ref]["address"], ")")
        for setting, ref in function.secrets.items()
    }
    used = {name: value for ref in function.uses for name, value in context.outputs[ref].get("variables", {}).items()}
    routes = context.outputs[FOUNDATION]["routes"]
    return {
        **artifact.environment,
        **({ROUTES_SETTING: json.dumps(routes)} if routes else {}),
        **_payload_setting(context.outputs[FOUNDATION]["payload"]),
        **_trigger_settings(function, context),
        **used,
        **_login_settings(function, context),
        **function.environment,
        **secrets,
        **_host_settings(function, identity, logs, store),
        **_log_settings(function.environment.get("LOG_LEVEL", ""), artifact),
    }


def _login_settings(function: ServerlessFunction, context: ProgramContext) -> dict[str, Any]:
    """Return the identity with which Azure's own libraries log in, which they look for in this variable."""
    if not any(context.outputs[ref].get("needs_login") for ref in function.uses):
        return {}
    return {"AZURE_CLIENT_ID": context.outputs[function.identity]["client"]}


def _payload_setting(payload: PayloadFormats) -> dict[str, str]:
    if payload in (DEFAULT_PAYLOAD, {}):
        return {}
    return {PAYLOAD_SETTING: payload if isinstance(payload, str) else json.dumps(payload)}


def _trigger_settings(function: ServerlessFunction, context: ProgramContext) -> dict[str, Any]:
    """Return the triggers of the app, and by which identity the host reads messages.

    A helper's app has none, nor has that of a new version: it would take messages beside the live one, whatever its
    share, and both would follow each schedule.
    """
    foundation = context.outputs[FOUNDATION]
    if function.package or function.name == CANARY_APP or not foundation["triggers"]:
        return {}
    sources, client = foundation["trigger_sources"], context.outputs[function.identity]["client"]
    called = [it["function"] for it in foundation["triggers"] if "http" in it]
    connection = {
        f"{BROKER_SETTING}__fullyQualifiedNamespace": context.outputs[sources[0]]["broker_host"] if sources else "",
        f"{BROKER_SETTING}__credential": "managedidentity",
        f"{BROKER_SETTING}__clientId": client,
    }
    renewal = max(function.timeout_s, LONGEST_LOCK_S)
    return {
        TRIGGERS_SETTING: json.dumps(foundation["triggers"], separators=(",", ":")),
        **(connection if sources else {}),
        **(_call_settings(function, called, context) if called else {}),
        **({LOCK_RENEWAL_SETTING: _format_clock(renewal)} if sources and renewal > LONGEST_LOCK_S else {}),
    }


def _call_settings(function: ServerlessFunction, called: Sequence[str], context: ProgramContext) -> dict[str, Any]:
    """Return where functions of the app find each other, and who they are.

    The address follows from the name, as an app's settings are there before its outputs (Azure's page on private
    endpoints for apps: the default is `<app-name>.azurewebsites.net`).
    """
    name = globally_unique_name("app", context, function.purpose)
    return {
        f"{CALLER_SETTING}_PRINCIPAL": context.outputs[function.identity]["principal"],
        f"{CALLER_SETTING}_TENANT": context.outputs[FOUNDATION]["tenant"],
        **{
            call_variable(it): pulumi.Output.concat("https://", name, f".{DEFAULT_DOMAIN}/api/{it}")
            for it in (one or MAIN_FUNCTION for one in called)
        },
    }


def _format_clock(seconds: int) -> str:
    return f"00:{seconds // 60:02}:{seconds % 60:02}"


def _host_settings(function: ServerlessFunction, identity: Outputs, logs: Outputs, store: Outputs) -> dict[str, Any]:
    """Return the settings of the Functions host: its storage and telemetry, its identity, and the timeout."""
    services = {
        f"AzureWebJobsStorage__{service}ServiceUri": store["endpoints"].apply(lambda it, s=service: getattr(it, s))
        for service in STORAGE_SERVICES
    }
    return {
        **services,
        "AzureWebJobsStorage__credential": "managedidentity",
        "AzureWebJobsStorage__clientId": identity["client"],
        "APPLICATIONINSIGHTS_CONNECTION_STRING": logs["connection"],
        "APPLICATIONINSIGHTS_AUTHENTICATION_STRING": pulumi.Output.concat(
            "Authorization=AAD;ClientId=", identity["client"]
        ),
        "AzureFunctionsJobHost__functionTimeout": _format_clock(function.timeout_s),
    }


def _log_settings(wanted: str, artifact: Artifact) -> dict[str, str]:
    """Open the host's filter for debug and trace, which drops what code logs below Information; prints pass anyway.

    Python's worker drops debug itself without a setting (its dispatcher).

    Source: Azure's page on monitoring, overriding the log levels of host.json (category Function) by app settings.
    """
    level = wanted.strip().capitalize()
    if level not in ("Trace", "Debug"):
        return {}
    worker = {"PYTHON_ENABLE_DEBUG_LOGGING": "1"} if artifact.runtime.startswith("python") else {}
    return {LOG_LEVEL_SETTING: level, **worker}


def derive_gateway_key(store: Outputs, context: ProgramContext) -> pulumi.Output[str] | None:
    """Derive a key that only the app and its gateway know, from a storage account key that is disabled.

    The app's own keys can be read only when it runs, but its settings are created before.
    """
    foundation = context.outputs[FOUNDATION]
    if not foundation["has_gateway"]:
        return None
    keys = storage.list_storage_account_keys_output(
        account_name=store["account"],
        resource_group_name=foundation["group"],
        opts=pulumi.InvokeOutputOptions(parent=context.parent),
    )
    key = keys.apply(lambda it: hmac.new(it.keys[0].value.encode(), b"gateway", hashlib.sha256).hexdigest())
    return pulumi.Output.secret(key)


_LANGUAGES = {"nodejs": "node", "python": "python"}
_DEFAULT_MAX_INSTANCES = 100  # Azure's own default


def create_function(function: ServerlessFunction, context: ProgramContext) -> Outputs:
    """Create a plan and an app that waits for its package; nothing for a function in the app of another."""
    if function.host_function:
        return _find_in_app(function, context)
    artifact, logs = context.find_package(function), context.outputs[function.log_store]
    store = create_package_storage(function.name, context.outputs[function.identity], context)
    key = derive_gateway_key(store, context)
    app = _create_app(function, artifact, store, key, context)
    return {
        "arn": app.id,
        "id": app.id,
        "name": app.name,
        "host": app.default_host_name,
        "version": function.kept_version or artifact.digest[:12],
        "runtime": artifact.runtime,
        "memory_mb": round_memory(function.memory_mb),
        "insights": logs["insights"],
        "max_instances": _max_instances(function),
        "workspace": logs["workspace"],
        "gateway_key": key,
        "takes_code": True,
        "function": function,
        **({"is_host": True} if _only_hosts(function, context) else {}),
        **({"is_kept": True} if function.kept_version else {}),
        **({"digest": artifact.digest} if function.package else {}),
    }


def _find_in_app(function: ServerlessFunction, context: ProgramContext) -> Outputs:
    app = context.outputs[function.host_function or ""]
    return {
        **{name: value for name, value in app.items() if name != "is_host"},
        "arn": pulumi.Output.concat(app["arn"], "/functions/", function.purpose),
        "name": pulumi.Output.concat(app["name"], "/", function.purpose),
        "app": function.host_function,
    }


def _only_hosts(function: ServerlessFunction, context: ProgramContext) -> bool:
    """Whether every route of the app belongs to a function of its own."""
    routes = context.outputs[FOUNDATION]["routes"]
    return isinstance(routes, dict) and "" not in routes and not function.package


_KEPT_PROPERTIES = ["functionAppConfig", "siteConfig", "tags", "virtualNetworkSubnetId"]


def _create_app(
    function: ServerlessFunction,
    artifact: Artifact,
    store: Outputs,
    key: pulumi.Output[str] | None,
    context: ProgramContext,
) -> web.WebApp:
    """Create an app and its log setting; one that is kept stays as it is, whatever its function says now."""
    identity = context.outputs[function.identity]
    settings = app_settings(function, artifact, store, context) | ({GATEWAY_KEY_SETTING: key} if key else {})
    app = web.WebApp(
        function.name,
        name=globally_unique_name("app", context, function.purpose),
        resource_group_name=context.outputs[FOUNDATION]["group"],
        location=context.stack.region,
        kind="functionapp,linux",
        reserved=True,
        https_only=True,
        server_farm_id=_create_plan(function, context).id,
        identity={"type": "UserAssigned", "user_assigned_identities": [identity["id"]]},
        key_vault_reference_identity=identity["id"],
        function_app_config=_flex_configuration(function, artifact, store, identity["id"]),
        **_access(function, context),
        site_config=_site_configuration(settings, function, context),
        virtual_network_subnet_id=context.outputs[function.network]["subnet_id"] if function.network else None,
        tags={**context.tags, PACKAGE_TAG: artifact.digest},
        opts=context.options(
            depends_on=[*identity["rights"], *store["rights"], *_secret_resources(function, context)],
            replace_on_changes=["functionAppConfig.runtime.name"],  # another language needs another app
            delete_before_replace=True,
            ignore_changes=_KEPT_PROPERTIES if function.kept_version else None,
        ),
    )
    _create_log_setting(function.name, app, context.outputs[function.log_store], context)
    return app


def _create_plan(function: ServerlessFunction, context: ProgramContext) -> web.AppServicePlan:
    return web.AppServicePlan(
        function.name,
        name=azure_name("plan", context, function.purpose),
        kind="functionapp",
        reserved=True,
        sku={"name": "FC1", "tier": "FlexConsumption"},
        **common_arguments(context),
        opts=context.options(),
    )


def _flex_configuration(
    function: ServerlessFunction, artifact: Artifact, store: Outputs, identity: pulumi.Input[str]
) -> dict[str, Any]:
    runtime, scaling = find_runtime(artifact.runtime, AZURE_LIMITS.runtimes), function.scaling
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
            "instance_memory_mb": round_memory(function.memory_mb),
            "maximum_instance_count": _max_instances(function),
            **({"always_ready": warm} if warm else {}),
        },
    }


def _max_instances(function: ServerlessFunction) -> int:
    return function.scaling.maximum or _DEFAULT_MAX_INSTANCES


def _answers_calls(function: ServerlessFunction, context: ProgramContext) -> bool:
    return not function.package and any("http" in it for it in context.outputs[FOUNDATION]["triggers"])


def _access(function: ServerlessFunction, context: ProgramContext) -> dict[str, Any]:
    """Keep the public address, which a private endpoint would close: packages come by that of the advanced tools.

    Source: Azure's overview of access restrictions (`publicNetworkAccess`).
    """
    return {"public_network_access": "Enabled"} if _answers_calls(function, context) else {}


def _access_restrictions(function: ServerlessFunction, context: ProgramContext) -> dict[str, Any]:
    """Close the public address of an app that nobody calls by it, but not that of its tools, by which packages come.

    Apps of queues and schedules are called by nobody, others by functions inside of a network. Rules do not hold for
    traffic of private endpoints. They are always written, because a rule stays where it is left out. Source: Azure's
    overview of access restrictions.
    """
    foundation = context.outputs[FOUNDATION]
    if function.package or not foundation["triggers"]:
        return {}
    is_called_publicly = _answers_calls(function, context) and not foundation["called_inside_network"]
    return {
        "ip_security_restrictions_default_action": "Allow" if is_called_publicly else "Deny",
        "scm_ip_security_restrictions_default_action": "Allow",
        "scm_ip_security_restrictions_use_main": False,
    }


def _site_configuration(
    settings: dict[str, Any], function: ServerlessFunction, context: ProgramContext
) -> dict[str, Any]:
    """Return a mapping, because the SDK's class sets a .NET version that such apps must not have."""
    cors = context.outputs[FOUNDATION]["cors"]
    return {
        "app_settings": [{"name": name, "value": value} for name, value in sorted(settings.items())],
        **({"cors": cors} if cors else {}),
        **_access_restrictions(function, context),
        "http20_enabled": True,
        "min_tls_version": "1.2",
    }


def _secret_resources(function: ServerlessFunction, context: ProgramContext) -> list[pulumi.Resource]:
    return [context.outputs[ref]["resource"] for ref in function.secrets.values()]


def _create_log_setting(name: str, app: web.WebApp, logs: Outputs, context: ProgramContext) -> None:
    monitor.DiagnosticSetting(
        name,
        name="logs",
        resource_uri=app.id,
        workspace_id=logs["workspace"],
        logs=[{"category_group": "allLogs", "enabled": True}],
        opts=context.options(),
    )


def use_app_as_live_version(live: LiveVersion, context: ProgramContext) -> Outputs:
    """Return the app, which has one slot and the setting for warm instances; create another app for a new version.

    The new version's app has the same identity, roles and settings, and storage of its own. Its gateway is the same.
    """
    function = context.outputs[live.function]
    function = context.outputs[function["app"]] if "app" in function else function  # whose address it has
    outputs = {name: function[name] for name in ("arn", "name", "host", "version", "gateway_key", "workspace")}
    hands_over = context.deferred is Deferred.TRAFFIC and not live.version
    if not (live.version or hands_over):
        return outputs
    share = WHOLE if hands_over else 0 if context.deferred is Deferred.TRAFFIC else live.new_share
    canary = context.outputs.get(CANARY_APP) or _create_canary(function, context)
    context.outputs[CANARY_APP] = canary
    return {**outputs, "canary": canary["app"], "canary_share": share, "served": canary["served"]}


def _create_canary(live: Outputs, context: ProgramContext) -> Outputs:
    function: ServerlessFunction = live["function"]
    artifact = context.find_package(function)
    canary = replace(function, name=CANARY_APP, purpose=CANARY_APP, kept_version="")
    identity = {**context.outputs[function.identity], "purpose": CANARY_APP}
    store = create_package_storage(CANARY_APP, identity, context)
    app = _create_app(canary, artifact, store, live["gateway_key"], context)
    version = artifact.digest[:12]
    served = {"arn": app.id, "name": app.name, "version": version}
    served |= {"runtime": artifact.runtime, "memory_mb": live["memory_mb"]}
    return {"app": app, "served": served, "parent": context.parent}
