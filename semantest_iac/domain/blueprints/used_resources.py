"""The queues and topics that belong to an API and that its functions send to."""

from __future__ import annotations

from dataclasses import dataclass

from semantest_iac.domain.blueprints.platform.layers import build_layers
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.environments.settings import ComponentSettings
from semantest_iac.domain.messaging.queues import MessageQueue, MessageTopic
from semantest_iac.domain.resource import Ref, Resource

_USABLE = (MessageQueue, MessageTopic)


@dataclass(frozen=True, slots=True)
class UsedResources:
    """Resources of an API besides those of its functions, and which of them every function may use."""

    resources: tuple[Resource, ...] = ()
    refs: tuple[Ref, ...] = ()

    @property
    def outputs(self) -> dict[str, tuple[str, str]]:
        """The address of each, under its name in the configuration."""
        return {f"{it.replace('-', '_')}_address": (it, "address") for it in self.refs}


def build_used_resources(stack: Stack, settings: ComponentSettings) -> UsedResources:
    """Build what `resources` of the component names, as the layers of the platform build it."""
    if settings.resources is None:
        return UsedResources()
    layers = build_layers(stack, settings, settings.resources).values()
    resources = tuple(resource for layer in layers for resource in layer.resources)
    return UsedResources(resources, tuple(Ref(it.name) for it in resources if isinstance(it, _USABLE)))
