"""Runs an engine's apply and code publishing, and publishes the completion events of what they settle."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from semantest_iac.domain.deployment.change_plan import ChangePlan
from semantest_iac.domain.ports.event_publisher import EventPublisher
from semantest_iac.domain.ports.provisioner import (
    ApplyResult,
    EventIdentity,
    Provisioner,
    ReportProgress,
    SettledResource,
    Work,
)
from semantest_iac_events.event import StackEvent
from semantest_iac_events.infrastructure import (
    ContainerServiceDeployed,
    FunctionDeployed,
    HttpApiDeployed,
    InfrastructureUpdated,
    WebSocketApiDeployed,
)


async def apply_plan(
    engine: Provisioner, work: Work, plan: ChangePlan, publisher: EventPublisher, progress: ReportProgress
) -> ApplyResult:
    """Apply the plan and publish each settled kind, InfrastructureUpdated last.

    A kind that lacks its code is left to `publish_code`.
    """

    async def publish_settled(settled: SettledResource) -> None:
        event = completion_event(settled, work)
        if event and not (plan.lacks_code and settled.needs_code):
            await publisher.publish(event)

    applied = await engine.apply(work, plan, publish_settled, progress)
    await publisher.publish(_updated_event(work, applied))
    return applied


async def publish_code(
    engine: Provisioner, work: Work, applied: ApplyResult, publisher: EventPublisher, progress: ReportProgress
) -> ApplyResult:
    """Publish the package and each kind that needed it, then InfrastructureUpdated if more was applied."""

    async def publish_settled(settled: SettledResource) -> None:
        event = completion_event(settled, work)
        if event and settled.needs_code:
            await publisher.publish(event)

    result = await engine.publish_code(work, applied, publish_settled, progress)
    if result is not applied:
        await publisher.publish(_updated_event(work, result))
    return result


def completion_event(settled: SettledResource, work: Work) -> StackEvent | None:
    """Return the event for a settled kind, None for kinds that have none.

    Neither has the mere host of other functions, nor a function that is kept as it was.
    """
    if settled.outputs.get("is_host") or settled.outputs.get("is_kept"):
        return None
    build = _BUILDERS.get(settled.kind.rsplit(":", 1)[-1])
    return build(settled.outputs, work.identity, work.artifact.digest if work.artifact else "") if build else None


def _updated_event(work: Work, applied: ApplyResult) -> InfrastructureUpdated:
    return InfrastructureUpdated(**work.identity, changes=applied.changes, outputs=dict(applied.outputs))


def _function_deployed(outputs: Mapping[str, Any], identity: EventIdentity, digest: str) -> StackEvent:
    return FunctionDeployed(
        **identity,
        function_name=outputs["name"],
        arn=outputs["arn"],
        version=str(outputs["version"]),
        runtime=outputs["runtime"],
        memory_mb=outputs["memory_mb"],
        artifact_digest=outputs.get("digest", digest),
    )


def _version_served(outputs: Mapping[str, Any], identity: EventIdentity, digest: str) -> StackEvent | None:
    """Return the event of a function that runs an earlier version; any other has its own."""
    served = outputs.get("served")
    return _function_deployed(served, identity, digest) if served else None


def _http_api_deployed(outputs: Mapping[str, Any], identity: EventIdentity, digest: str) -> StackEvent:
    return HttpApiDeployed(**identity, **_api_fields(outputs))


def _web_socket_api_deployed(outputs: Mapping[str, Any], identity: EventIdentity, digest: str) -> StackEvent:
    return WebSocketApiDeployed(**identity, **_api_fields(outputs))


def _container_service_deployed(outputs: Mapping[str, Any], identity: EventIdentity, digest: str) -> StackEvent:
    return ContainerServiceDeployed(
        **identity, service_name=outputs["name"], image=outputs["image"], endpoint=outputs.get("address")
    )


def _api_fields(outputs: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "api_name": outputs["name"],
        "api_id": outputs["id"],
        "endpoint": outputs["endpoint"],
        "routes": tuple(outputs["routes"]),
    }


_BUILDERS: Mapping[str, Callable[[Mapping[str, Any], EventIdentity, str], StackEvent | None]] = {
    "ContainerService": _container_service_deployed,
    "ServerlessFunction": _function_deployed,
    "LiveVersion": _version_served,
    "HttpApi": _http_api_deployed,
    "WebSocketEndpoint": _web_socket_api_deployed,
}
