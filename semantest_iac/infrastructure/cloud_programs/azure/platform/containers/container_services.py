"""Container apps: revisions with probes, secrets of a key vault, scaling rules, and the roles of their identity."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from typing import Any

import pulumi
from pulumi_azure_native import app

from semantest_iac.domain.compute.containers import ContainerService, HealthProbe, service_variable
from semantest_iac.infrastructure.cloud_programs.azure.credentials import create_azure_client
from semantest_iac.infrastructure.cloud_programs.azure.foundation import azure_name, common_arguments
from semantest_iac.infrastructure.cloud_programs.azure.platform.containers.registry_login import EntraRegistryLogin
from semantest_iac.infrastructure.cloud_programs.azure.security import create_role_assignment
from semantest_iac.infrastructure.cloud_programs.cloud import FOUNDATION
from semantest_iac.infrastructure.cloud_programs.context import Outputs, ProgramContext
from semantest_iac.infrastructure.cloud_programs.service_images import provide_image
from semantest_iac.infrastructure.clouds.plan.azure_container_sizes import choose_container_size

SECRETS_VARIABLE = "SEMANTEST_SECRETS"
"""The variable that changes with the values of secrets: a change of a secret alone makes no new revision."""
_STARTUP_FAILURES = 10  # the most that a probe takes
_INACTIVE_REVISIONS = 10


def create_container_service(service: ContainerService, context: ProgramContext) -> Outputs:
    """Create the app once its identity has its roles; every change of what it runs makes a revision."""
    environment, identity = context.outputs[service.runs_in], context.outputs[service.identity]
    rights = [
        create_role_assignment(f"{service.name}-{purpose}", role, scope, identity, context)
        for purpose, (role, scope) in _find_grants(service, context).items()
    ]
    image = _provide_image(service, context)
    created = app.ContainerApp(
        service.name,
        container_app_name=_name_app(service.service, context),
        environment_id=environment["id"],
        workload_profile_name=environment["profile"],
        identity={"type": "UserAssigned", "user_assigned_identities": [identity["id"]]},
        configuration={
            "active_revisions_mode": "Single",
            "max_inactive_revisions": _INACTIVE_REVISIONS,
            "ingress": _describe_ingress(service, context),
            "registries": _describe_registries(service, context),
            "secrets": list(_describe_secrets(service, context)) or None,
            "dapr": _describe_dapr(service),
        },
        template={
            "containers": [_describe_container(service, image, context)],
            "scale": _describe_scale(service, context),
        },
        **common_arguments(context),
        opts=context.options(depends_on=rights),
    )
    return {
        "id": created.id,
        "name": created.name,
        "arn": created.id,
        "address": _find_address(service.service, _is_outer(service.service, service, context), service, context),
        "image": image,
        "revision": created.latest_revision_name,
        "service": service,
        "rights": rights,
        "diagnostics": ("metrics",),  # what its containers write is in the log of the environment
    }


def _name_app(service: str, context: ProgramContext) -> str:
    return azure_name("container service", context, service)


def _find_grants(service: ContainerService, context: ProgramContext) -> dict[str, tuple[str, pulumi.Input[str]]]:
    """Return the roles with their scopes, each under a purpose of its own.

    Reading how many messages wait needs the role of their owner, on that queue alone: the scaler asks for the queue's
    description, which no smaller role may read (KEDA's issue tracker, 7822; that of Container Apps, 1138).
    """
    grants: dict[str, tuple[str, pulumi.Input[str]]] = {}
    for key, refs in (("grants", service.uses), ("receive_grants", service.receives_from)):
        for ref in refs:
            grants |= {f"{role}-{ref}": (role, scope) for role, scope in context.outputs[ref].get(key, ())}
    for queue in service.scaling.queues:
        grants[f"scales-{queue}"] = ("messages", context.outputs[queue]["id"])
    if service.registry:
        grants[f"pull-{service.registry}"] = ("pull", context.outputs[service.registry]["id"])
    for ref in service.secrets.values():
        grants[f"reads-{ref}"] = ("secrets", context.outputs[ref]["id"])
    return grants


def _is_outer(name: str, service: ContainerService, context: ProgramContext) -> bool:
    """Whether an app is called from outside of the environment: in a private one, from the network at most."""
    outer: list[str] = context.outputs[FOUNDATION]["outer_services"]
    return bool(context.outputs[service.runs_in]["is_private"]) or name in outer


def _find_address(name: str, is_outer: bool, service: ContainerService, context: ProgramContext) -> pulumi.Output[str]:
    """Return the address of an app of the environment, which follows from its name."""
    inner = "" if is_outer else ".internal"
    domain = context.outputs[service.runs_in]["address"]
    return pulumi.Output.concat("https://", _name_app(name, context), f"{inner}.", domain)


def _describe_ingress(service: ContainerService, context: ProgramContext) -> dict[str, Any]:
    return {
        "external": _is_outer(service.service, service, context),
        "target_port": service.port,
        "transport": "auto",
        "allow_insecure": False,
        "traffic": [{"latest_revision": True, "weight": 100}],
    }


def _describe_registries(service: ContainerService, context: ProgramContext) -> list[dict[str, Any]] | None:
    if service.registry is None:
        return None
    server, identity = context.outputs[service.registry]["address"], context.outputs[service.identity]["id"]
    return [{"server": server, "identity": identity}]


def _describe_secrets(service: ContainerService, context: ProgramContext) -> Iterator[dict[str, Any]]:
    identity = context.outputs[service.identity]["id"]
    for ref in dict.fromkeys(service.secrets.values()):
        yield {
            "name": _name_secret(ref),
            "key_vault_url": context.outputs[ref]["address"],
            "identity": identity,
        }


def _name_secret(ref: str) -> str:
    return ref.replace("_", "-")


def _describe_dapr(service: ContainerService) -> dict[str, Any] | None:
    if not service.dapr:
        return None
    return {"enabled": True, "app_id": service.service, "app_port": service.port, "app_protocol": "http"}


def _describe_container(service: ContainerService, image: pulumi.Input[str], context: ProgramContext) -> dict[str, Any]:
    cpu, memory = choose_container_size(service.cpu, service.memory_mb)
    return {
        "name": service.service,
        "image": image,
        "resources": {"cpu": cpu, "memory": memory},
        "env": [{"name": name, **value} for name, value in sorted(_list_variables(service, context).items())],
        "probes": list(_describe_probes(service.probe, service.port)),
    }


def _provide_image(service: ContainerService, context: ProgramContext) -> pulumi.Input[str]:
    if service.registry is None:
        return service.image
    repository = pulumi.Output.concat(context.outputs[service.registry]["address"], "/", service.service)
    return provide_image(service, repository, lambda: EntraRegistryLogin(create_azure_client().token), context)


def _list_variables(service: ContainerService, context: ProgramContext) -> dict[str, dict[str, Any]]:
    """Return the variables by name; those of the configuration override what tells where other resources are."""
    places = (("variables", service.uses), ("receive_variables", service.receives_from))
    found = {name: it for key, refs in places for ref in refs for name, it in context.outputs[ref].get(key, {}).items()}
    called = {
        service_variable(name): _find_address(name, _is_outer(name, service, context), service, context)
        for name in service.calls
    }
    identity, logs = context.outputs[service.identity], context.outputs[service.log_store]
    plain = {
        "APPLICATIONINSIGHTS_CONNECTION_STRING": logs["connection"],
        "AZURE_CLIENT_ID": identity["client"],
        **found,
        **called,
        **service.environment,
        "PORT": str(service.port),
    }
    addresses = [context.outputs[ref]["address"] for ref in service.secrets.values()]
    if addresses:
        plain[SECRETS_VARIABLE] = pulumi.Output.all(*addresses).apply(_digest)
    secrets = {name: {"secret_ref": _name_secret(ref)} for name, ref in service.secrets.items()}
    return {name: {"value": value} for name, value in plain.items()} | secrets


def _digest(addresses: list[str]) -> str:
    return hashlib.sha256("\n".join(addresses).encode()).hexdigest()[:12]


def _describe_probes(probe: HealthProbe, port: int) -> Iterator[dict[str, Any]]:
    """Yield what replaces an instance, what keeps requests from it, and what waits for its start."""
    request = {"http_get": {"path": probe.path, "port": port, "scheme": "HTTP"}, "timeout_seconds": probe.timeout_s}
    for kind in ("Liveness", "Readiness"):
        yield {
            "type": kind,
            **request,
            "period_seconds": probe.interval_s,
            "failure_threshold": probe.failures,
            "success_threshold": 1,
        }
    period = max(1, math.ceil(probe.start_s / _STARTUP_FAILURES))
    yield {
        "type": "Startup",
        **request,
        "period_seconds": period,
        "failure_threshold": _STARTUP_FAILURES,
        "success_threshold": 1,
    }


def _describe_scale(service: ContainerService, context: ProgramContext) -> dict[str, Any]:
    return {
        "min_replicas": service.scaling.minimum,
        "max_replicas": service.scaling.maximum,
        "rules": list(_describe_rules(service, context)) or None,
    }


def _describe_rules(service: ContainerService, context: ProgramContext) -> Iterator[dict[str, Any]]:
    """Yield a rule for each of what makes more instances."""
    scaling = service.scaling
    if scaling.concurrent_requests is not None:
        yield {"name": "requests", "http": {"metadata": {"concurrentRequests": str(scaling.concurrent_requests)}}}
    for name, percent in (("cpu", scaling.cpu_percent), ("memory", scaling.memory_percent)):
        if percent is not None:
            metadata = {"type": "Utilization", "value": str(percent)}
            yield {"name": name, "custom": {"type": name, "metadata": metadata}}
    for queue, length in scaling.queues.items():
        outputs = context.outputs[queue]
        metadata = {
            "queueName": outputs["name"],
            "namespace": outputs["broker_name"],
            "messageCount": str(length),
        }
        identity = context.outputs[service.identity]["id"]
        yield {"name": queue, "custom": {"type": "azure-servicebus", "metadata": metadata, "identity": identity}}
