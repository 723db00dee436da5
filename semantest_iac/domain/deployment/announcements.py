"""Which completion event tells of which kind of resource."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from semantest_iac.domain.ports.provisioner import Applied, Identity
from semantest_iac_events.infrastructure import InfrastructureUpdated
from semantest_iac_events.resources import FunctionDeployed, HttpApiDeployed, WebSocketApiDeployed
from semantest_iac_events.stack_event import StackEvent

_WAITS = "takes_code"  # the output of a kind that is nothing before its code has been published


def announcement(
    kind: str, outputs: Mapping[str, Any], identity: Identity, digest: str, *, lacks_code: bool = False
) -> StackEvent | None:
    """The event for a settled kind (`semantest:<area>:<Kind>`), or None where nobody needs to hear of it (yet)."""
    build = _BUILDERS.get(kind.rsplit(":", 1)[-1])
    if build is None or (lacks_code and outputs.get(_WAITS)):
        return None
    return build(outputs, identity, digest)


def with_code(kinds: Iterable[tuple[str, Mapping[str, Any]]], identity: Identity, digest: str) -> Iterator[StackEvent]:
    """The events for those of a stack's kinds that waited for their code."""
    for kind, outputs in kinds:
        event = announcement(kind, outputs, identity, digest) if outputs.get(_WAITS) else None
        yield from [event] if event else []


def updated(identity: Identity, applied: Applied) -> InfrastructureUpdated:
    """The engine's last word on a run; where code was waited for, of both runs together."""
    return InfrastructureUpdated(**identity, changes=applied.changes, outputs=dict(applied.outputs))


def _function(outputs: Mapping[str, Any], identity: Identity, digest: str) -> StackEvent:
    return FunctionDeployed(
        **identity,
        function_name=outputs["name"],
        arn=outputs["arn"],
        version=str(outputs["version"]),
        runtime=outputs["runtime"],
        memory_mb=outputs["memory_mb"],
        artifact_digest=outputs.get("digest", digest),
    )


def _http_api(outputs: Mapping[str, Any], identity: Identity, digest: str) -> StackEvent:
    return HttpApiDeployed(**identity, **_api(outputs))


def _web_socket_api(outputs: Mapping[str, Any], identity: Identity, digest: str) -> StackEvent:
    return WebSocketApiDeployed(**identity, **_api(outputs))


def _api(outputs: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "api_name": outputs["name"],
        "api_id": outputs["id"],
        "endpoint": outputs["endpoint"],
        "routes": tuple(outputs["routes"]),
    }


_BUILDERS: Mapping[str, Callable[[Mapping[str, Any], Identity, str], StackEvent]] = {
    "ServerlessFunction": _function,
    "HttpApi": _http_api,
    "WebSocketEndpoint": _web_socket_api,
}
