"""Meadow as a table: which function creates which neutral kind."""

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


def _create(kind: str, name: str, context: ProgramContext, **inputs: Any) -> Outputs:
    physical_name = context.physical_name(name, limit=60)
    created = Resource(kind, name, context.options(), name=physical_name, **inputs)
    return {"id": created.id, "arn": created.arn, "address": created.address, "name": physical_name}


def create_log_store(store: LogStore, context: ProgramContext) -> Outputs:
    return _create("Log", store.name, context, days=store.retention_days)


def create_function_identity(identity: FunctionIdentity, context: ProgramContext) -> Outputs:
    return _create("Role", identity.name, context, log=context.outputs[identity.log_store]["arn"])


def create_function(function: ServerlessFunction, context: ProgramContext) -> Outputs:
    artifact = context.artifact
    if artifact is None:
        raise ValidationError(f"Cannot deploy function '{function.name}': it has no package.")
    code = {"handler": artifact.handler, "runtime": artifact.runtime, "digest": artifact.digest}
    sizes = {"memory": function.memory_mb, "timeout": function.timeout_s}
    settings = {**artifact.environment, **function.environment}
    role = context.outputs[function.identity]["arn"]
    created = _create("Function", function.name, context, role=role, settings=settings, **code, **sizes)
    version = artifact.digest[:8]
    return {**created, "version": version, "runtime": artifact.runtime, "memory_mb": function.memory_mb}


def create_live_version(live: LiveVersion, context: ProgramContext) -> Outputs:
    """Create nothing: the newest version is live."""
    return context.outputs[live.function]


def create_http_api(api: HttpApi, context: ProgramContext) -> Outputs:
    routes = [str(endpoint) for endpoint in api.endpoints]
    log = context.outputs[api.access_log]["arn"] if api.access_log else None
    created = _create("Api", api.name, context, function=context.outputs[api.target]["arn"], routes=routes, log=log)
    return {**created, "endpoint": created["address"], "routes": routes}


def create_notification_channel(channel: NotificationChannel, context: ProgramContext) -> Outputs:
    return _create("Bell", channel.name, context, emails=list(channel.emails))


def create_alarm(alarm: Alarm, context: ProgramContext) -> Outputs:
    bell = context.outputs[alarm.channel]["arn"]
    return _create("Alarm", alarm.name, context, signal=alarm.signal.value, threshold=alarm.threshold, bell=bell)


CLOUD = Cloud(
    name="meadow",
    kinds={
        Alarm: create_alarm,
        FunctionIdentity: create_function_identity,
        HttpApi: create_http_api,
        LiveVersion: create_live_version,
        LogStore: create_log_store,
        NotificationChannel: create_notification_channel,
        ServerlessFunction: create_function,
    },
    create_provider=lambda context: Provider(context.stack.region),
    stateful={"meadow:app:Log": "its lines"},
    unsupported={
        capabilities.HTTP_AUTHORIZER: "its gates check no tokens",
        capabilities.HTTP_PAYLOAD_1: "its gates know one form of events",
        capabilities.WARM_INSTANCES: "its functions sleep between calls",
        capabilities.MAXIMUM_INSTANCES: "it starts an instance for every call",
        capabilities.OWN_PACKAGE: "all functions of a stack run the same package",
        capabilities.SEVERAL_FUNCTIONS: "a gate leads to one function",
        capabilities.RETAINED_LOGS: "it keeps nothing of a deleted stack",
        capabilities.IN_NETWORK: "it has no private networks",
        capabilities.RESOURCE_PERMISSIONS: "a role can only write one log",
        capabilities.SECRET_REFERENCES: "it has no secret store",
        capabilities.RESOURCE_VARIABLES: "it has no other resources that a function could use",
        capabilities.TRACING: "it has no tracing",
    },
    partial={
        capabilities.CORS: "for every origin",
        capabilities.HTTP_THROTTLING: "never: its gates do not count requests",
    },
)
