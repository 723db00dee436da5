"""Events of other components of Semantest that request a deployment."""

from __future__ import annotations

from pydantic import Field, JsonValue

from semantest_iac_events.event import Event
from semantest_iac_events.values import Label


class ServiceDeploymentNeeded(Event):
    """Semantest's core needs a service; without an environment the reader's default applies."""

    type_name = "semantest.service.deployment.needed"

    service_type: Label
    environment: Label | None = None
    service_config: dict[str, JsonValue] = Field(default_factory=dict)
