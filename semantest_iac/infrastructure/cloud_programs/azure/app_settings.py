"""What a function app is told besides its package: settings of its own, secrets by address, and a key to its door."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

import pulumi
from pulumi_azure_native import storage

from semantest_iac.domain.compute.artifact import Artifact
from semantest_iac.domain.compute.function import ServerlessFunction
from semantest_iac.infrastructure.cloud_programs.azure.packages import SERVICES
from semantest_iac.infrastructure.cloud_programs.cloud import GROUND
from semantest_iac.infrastructure.cloud_programs.context import Context, Made

GATEWAY_KEY = "SEMANTEST_GATEWAY_KEY"
"""The setting with which an app refuses what did not come through its gateway."""


def settings_of(function: ServerlessFunction, artifact: Artifact, store: Made, context: Context) -> dict[str, Any]:
    """By name; what a person wrote gives way to what the host is told."""
    identity, logs = context.made[function.identity], context.made[function.log_store]
    secrets = {
        setting: pulumi.Output.concat("@Microsoft.KeyVault(SecretUri=", context.made[ref]["address"], ")")
        for setting, ref in function.secrets.items()
    }
    used = {name: value for ref in function.uses for name, value in context.made[ref].get("variables", {}).items()}
    return {
        **artifact.environment,
        **used,
        **function.environment,
        **secrets,
        **_host(function, identity, logs, store),
    }


def _host(function: ServerlessFunction, identity: Made, logs: Made, store: Made) -> dict[str, Any]:
    """What the Functions host itself is told: where its notes and telemetry go, as whom, and when to give up."""
    services = {
        f"AzureWebJobsStorage__{service}ServiceUri": store["endpoints"].apply(lambda ends, s=service: getattr(ends, s))
        for service in SERVICES
    }
    return {
        **services,
        "AzureWebJobsStorage__credential": "managedidentity",
        "AzureWebJobsStorage__clientId": identity["client"],
        "APPLICATIONINSIGHTS_CONNECTION_STRING": logs["connection"],
        "APPLICATIONINSIGHTS_AUTHENTICATION_STRING": pulumi.Output.concat(
            "Authorization=AAD;ClientId=", identity["client"]
        ),
        "AzureFunctionsJobHost__functionTimeout": f"00:{function.timeout_s // 60:02}:{function.timeout_s % 60:02}",
    }


def door_key(store: Made, context: Context) -> pulumi.Output[str] | None:
    """What only an app and its gateway know, drawn from a storage account's key that opens nothing any more.

    The keys of the app itself can only be asked for once it runs, and its own settings are made before.
    """
    ground = context.made[GROUND]
    if not ground["has_gateway"]:
        return None
    keys = storage.list_storage_account_keys_output(
        account_name=store["account"],
        resource_group_name=ground["group"],
        opts=pulumi.InvokeOutputOptions(parent=context.parent),
    )
    drawn = keys.apply(lambda told: hmac.new(told.keys[0].value.encode(), b"gateway", hashlib.sha256).hexdigest())
    return pulumi.Output.secret(drawn)
