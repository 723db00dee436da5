"""Meadow as a table: which function makes which neutral kind."""

from __future__ import annotations

from typing import Any

from meadow_cloud.resources import Provider, Resource

from semantest_iac.domain.blueprints import capabilities
from semantest_iac.domain.compute.functions import ServerlessFunction
from semantest_iac.domain.delivery.live_version import LiveVersion
from semantest_iac.domain.errors import ValidationError
from semantest_iac.domain.messaging.notification_channel import NotificationChannel
from semantest_iac.domain.monitoring.logs_and_alarms import Alarm, LogStore
from semantest_iac.domain.networking.apis import HttpApi
from semantest_iac.domain.security.access import FunctionIdentity
from semantest_iac.infrastructure.cloud_programs.cloud import Cloud
from semantest_iac.infrastructure.cloud_programs.context import Outputs, ProgramContext


def _make(kind: str, name: str, context: ProgramContext, **inputs: Any) -> Outputs:
    called = context.physical_name(name, limit=60)
    made = Resource(kind, name, context.options(), name=called, **inputs)
    return {"id": made.id, "arn": made.arn, "address": made.address, "name": called}


def log_store(store: LogStore, context: ProgramContext) -> Outputs:
    """A log with days."""
    return _make("Log", store.name, context, days=store.retention_days)


def function_identity(identity: FunctionIdentity, context: ProgramContext) -> Outputs:
    """A role that may write one log."""
    return _make("Role", identity.name, context, log=context.made[identity.log_store]["arn"])


def serverless_function(function: ServerlessFunction, context: ProgramContext) -> Outputs:
    """A function that carries the digest of its package."""
    artifact = context.artifact
    if artifact is None:
        raise ValidationError(f"Cannot deploy function '{function.name}': it has no package.")
    told = {"handler": artifact.handler, "runtime": artifact.runtime, "digest": artifact.digest}
    sizes = {"memory": function.memory_mb, "timeout": function.timeout_s}
    settings = {**artifact.environment, **function.environment}
    role = context.made[function.identity]["arn"]
    made = _make("Function", function.name, context, role=role, settings=settings, **told, **sizes)
    version = artifact.digest[:8]
    return {**made, "version": version, "runtime": artifact.runtime, "memory_mb": function.memory_mb}


def live_version(live: LiveVersion, context: ProgramContext) -> Outputs:
    """Nothing is made: the newest version is live."""
    return context.made[live.function]


def http_api(api: HttpApi, context: ProgramContext) -> Outputs:
    """An address with its routes."""
    routes = [str(endpoint) for endpoint in api.endpoints]
    log = context.made[api.access_log]["arn"] if api.access_log else None
    made = _make("Api", api.name, context, function=context.made[api.target]["arn"], routes=routes, log=log)
    return {**made, "endpoint": made["address"], "routes": routes}


def notification_channel(channel: NotificationChannel, context: ProgramContext) -> Outputs:
    """A bell."""
    return _make("Bell", channel.name, context, emails=list(channel.emails))


def alarm(alarm: Alarm, context: ProgramContext) -> Outputs:
    """An alarm that rings a bell."""
    bell = context.made[alarm.channel]["arn"]
    return _make("Alarm", alarm.name, context, signal=alarm.signal.value, threshold=alarm.threshold, bell=bell)


CLOUD = Cloud(
    name="meadow",
    kinds={
        Alarm: alarm,
        FunctionIdentity: function_identity,
        HttpApi: http_api,
        LiveVersion: live_version,
        LogStore: log_store,
        NotificationChannel: notification_channel,
        ServerlessFunction: serverless_function,
    },
    provider=lambda context: Provider(context.stack.region),
    stateful=frozenset({"meadow:app:Log"}),
    lacks={
        capabilities.HTTP_AUTHORIZER: "its gates look at no token",
        capabilities.WARM_INSTANCES: "its functions sleep between calls",
        capabilities.MAXIMUM_INSTANCES: "it runs as many instances as are asked for",
        capabilities.OWN_PACKAGE: "all functions of a stack run the same package",
        capabilities.RETAINED_LOGS: "it forgets what is deleted",
        capabilities.IN_NETWORK: "it has no fences",
        capabilities.RESOURCE_PERMISSIONS: "a role writes one log and can do nothing else",
        capabilities.SECRET_REFERENCES: "it keeps no secrets",
        capabilities.RESOURCE_VARIABLES: "nothing that a function could use has a program here",
        capabilities.TRACING: "nobody follows a call across it",
    },
    bends={capabilities.CORS: "for every origin", capabilities.HTTP_THROTTLING: "never: a meadow has no gate"},
)
