"""Functions on Lambda, and the alias of their live version."""

from __future__ import annotations

import json
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

import pulumi
import pulumi_aws as aws

from semantest_iac.domain.compute.functions import Artifact, ServerlessFunction
from semantest_iac.domain.delivery.live_version import LiveVersion
from semantest_iac.domain.errors import ValidationError
from semantest_iac.domain.ports.provisioner import Deferred
from semantest_iac.infrastructure.cloud_programs.aws.foundation import aws_name
from semantest_iac.infrastructure.cloud_programs.context import Outputs, ProgramContext
from semantest_iac.infrastructure.clouds.aws_variables import SECRETS_SETTING, SECRETS_VERSION_SETTING


def create_function(function: ServerlessFunction, context: ProgramContext) -> Outputs:
    """Create a function that publishes a version with every change of its code or settings.

    One of which an earlier version receives the requests keeps the code that it has.
    """
    artifact, name = context.find_package(function), aws_name("function", context, function.purpose)
    version = context.versions.get(name)
    kept = [*(_CODE_PROPERTIES if version else ()), *_find_deferred_limits(context)]
    created = aws.lambda_.Function(
        function.name,
        name=name,
        role=context.outputs[function.identity]["arn"],
        runtime=artifact.runtime,
        handler=artifact.handlers.get(function.purpose, artifact.handler),
        code=pulumi.FileArchive(str(artifact.path)),
        source_code_hash=artifact.source_code_hash,
        architectures=["x86_64"],
        memory_size=function.memory_mb,
        timeout=function.timeout_s,
        publish=True,
        environment={"variables": _environment_variables(function, artifact, context)},
        logging_config={
            "log_format": "JSON",
            "application_log_level": _application_log_level(function.environment.get("LOG_LEVEL", "")),
            "log_group": context.outputs[function.log_store]["name"],
        },
        tracing_config={"mode": "Active" if function.tracing else "PassThrough"},
        reserved_concurrent_executions=function.scaling.maximum,
        vpc_config=_vpc_config(function, context),
        tags=context.tags,
        opts=context.options(
            depends_on=_dependencies(function, context),
            ignore_changes=kept or None,
        ),
    )
    return {
        "arn": created.arn,
        "name": created.name,
        "version": created.version,
        "runtime": created.runtime,
        "memory_mb": created.memory_size,
        "rights": context.outputs[function.identity]["resource"],
        **({"digest": artifact.digest} if artifact is not context.artifact else {}),
        **({"served_version": _find_served_version(name, version, artifact, context)} if version else {}),
    }


def _find_deferred_limits(context: ProgramContext) -> Sequence[str]:
    return ("reservedConcurrentExecutions",) if context.deferred is Deferred.LIMITS else ()


_CODE_PROPERTIES = ("code", "sourceCodeHash")
_VERSIONED_SETTINGS = (
    *("architectures", "dead_letter_config", "environment", "ephemeral_storages", "file_system_configs", "handler"),
    *("kms_key_arn", "layers", "logging_configs", "memory_size", "role", "runtime", "timeout", "tracing_config"),
    "vpc_config",
)
"""What a version keeps for good besides its code, by the fields of the data source."""


def _find_served_version(name: str, version: str, artifact: Artifact, context: ProgramContext) -> pulumi.Output[str]:
    """Look the version up in the cloud, which must still have it, with this package and the settings of now."""
    options = pulumi.InvokeOutputOptions(parent=context.parent)
    published, newest = (
        aws.lambda_.get_function_output(function_name=name, qualifier=qualifier, opts=options)
        for qualifier in (version, "$LATEST")
    )

    def require_same(found: Sequence[Any]) -> str:
        others = [it for it in _VERSIONED_SETTINGS if getattr(found[0], it) != getattr(found[1], it)]
        if found[0].code_sha256 != artifact.source_code_hash or others:
            what = ", ".join(others) or "its code"
            raise ValidationError(f"Cannot go back to version {version} of '{name}': {what} differs.")
        return version

    return pulumi.Output.all(published, newest).apply(require_same)


def _application_log_level(wanted: str) -> str:
    """Return the level from which Lambda writes JSON logs: as low as the code's own level, and never above INFO.

    Lambda counts plain prints as INFO, so a higher level would drop them.
    """
    level = wanted.strip().upper()
    return level if level in ("TRACE", "DEBUG") else "INFO"


def _environment_variables(function: ServerlessFunction, artifact: Artifact, context: ProgramContext) -> dict[str, Any]:
    secrets = {setting: context.outputs[ref]["arn"] for setting, ref in function.secrets.items()}
    variables: dict[str, Any] = {SECRETS_SETTING: pulumi.Output.json_dumps(secrets, sort_keys=True)} if secrets else {}
    variables |= _secrets_version(function, context)
    for used in function.uses:
        variables |= context.outputs[used].get("variables", {})
    return {**artifact.environment, **function.environment, **variables}


def _secrets_version(function: ServerlessFunction, context: ProgramContext) -> dict[str, str]:
    """Return a variable that changes with the values of secrets that were set in Secrets Manager.

    Functions read their secrets when they start, so that only a new version of the function sees another value.
    """
    versions = {setting: context.outputs[ref]["version"] for setting, ref in function.secrets.items()}
    if not any(versions.values()):
        return {}
    return {SECRETS_VERSION_SETTING: sha256(json.dumps(versions, sort_keys=True).encode()).hexdigest()[:12]}


def _vpc_config(function: ServerlessFunction, context: ProgramContext) -> dict[str, Any] | None:
    if function.network is None:
        return None
    network = context.outputs[function.network]
    return {"subnet_ids": network["subnet_ids"], "security_group_ids": network["security_group_ids"]}


def _dependencies(function: ServerlessFunction, context: ProgramContext) -> list[pulumi.Resource]:
    """Return what must exist before the first call although no argument refers to it."""
    names = [function.identity, function.log_store, *function.secrets.values()]
    return [context.outputs[name]["resource"] for name in names]


LIVE_ALIAS = "live"


def create_live_version(live: LiveVersion, context: ProgramContext) -> Outputs:
    """Create an alias for the live version, perhaps with a share for the newest one, and provisioned concurrency.

    Where an earlier version runs, the outputs say which, since the function does not.
    """
    function = context.outputs[live.function]
    served = function.get("served_version")
    alias = aws.lambda_.Alias(
        live.name,
        name=LIVE_ALIAS,
        function_name=function["name"],
        function_version=(live.version or function["version"]) if served is None else served,
        routing_config=_share_with_newest(live, function["version"]) if live.new_share else None,
        opts=context.options(),
    )
    if live.warm:
        aws.lambda_.ProvisionedConcurrencyConfig(
            live.name,
            function_name=function["name"],
            qualifier=alias.name,
            provisioned_concurrent_executions=live.warm,
            opts=context.options(),
        )
    return {
        "arn": alias.arn,
        "invoke_arn": alias.invoke_arn,
        "function_name": function["name"],
        "qualifier": alias.name,
        "version": alias.function_version,
        **({} if served is None else {"served": _describe_served(function, alias.function_version)}),
    }


def _describe_served(function: Outputs, version: pulumi.Output[str]) -> dict[str, Any]:
    return {name: function[name] for name in ("arn", "name", "runtime", "memory_mb", "digest") if name in function} | {
        "version": version
    }


def _share_with_newest(live: LiveVersion, newest: pulumi.Output[str]) -> pulumi.Output[dict[str, Any] | None]:
    """Return the weight of the newest version; a function that did not change has no other version to weigh."""

    def weigh(version: str) -> dict[str, Any] | None:
        if version == live.version:
            return None
        return {"additional_version_weights": {version: live.new_share / 100}}

    return newest.apply(weigh)
