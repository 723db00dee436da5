"""What an engine tells as each kind of resource is in place."""

from __future__ import annotations

from pydantic import Field

from semantest_iac_events.stack_event import StackEvent
from semantest_iac_events.values import Label


class FunctionDeployed(StackEvent):
    """A serverless function runs this version of this artifact; `arn` is the cloud's own id for it."""

    type_name = "infrastructure.function.deployed"

    function_name: Label
    arn: str
    version: str
    endpoint: str | None = None
    runtime: str
    memory_mb: int = Field(gt=0)
    artifact_digest: str


class _ApiDeployed(StackEvent):
    """What HTTP and WebSocket APIs have in common."""

    api_name: Label
    api_id: str
    endpoint: str
    routes: tuple[str, ...] = ()


class HttpApiDeployed(_ApiDeployed):
    """An HTTP API answers at its endpoint; routes are written `METHOD /path`."""

    type_name = "infrastructure.httpapi.deployed"


class WebSocketApiDeployed(_ApiDeployed):
    """A WebSocket API accepts connections at its endpoint; routes are the route keys."""

    type_name = "infrastructure.websocketapi.deployed"


class ContainerServiceDeployed(StackEvent):
    """A container service runs this image."""

    type_name = "infrastructure.containerservice.deployed"

    service_name: Label
    image: str
    endpoint: str | None = None
