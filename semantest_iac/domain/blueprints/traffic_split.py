"""Divides the traffic of a stack between the version that is live and the one that is deployed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from semantest_iac.domain.blueprints.blueprint import Blueprint
from semantest_iac.domain.compute.functions import ServerlessFunction
from semantest_iac.domain.delivery.canary import CanaryRefusedError
from semantest_iac.domain.delivery.live_version import LiveVersion
from semantest_iac.domain.errors import Fault
from semantest_iac.domain.resource import Ref, Resource


@dataclass(frozen=True, slots=True)
class TrafficSplit:
    """The outputs of the deployment that is live, and the percent of the traffic that the newest version gets."""

    outputs: Mapping[str, Any]
    new_share: int

    def apply(self, blueprint: Blueprint) -> Blueprint:
        """Return the blueprint in which the live versions stay; raises CanaryRefusedError for functions without one."""
        live = {
            ref: str(self.outputs[name])
            for name, (ref, attribute) in blueprint.outputs.items()
            if attribute == "version" and self.outputs.get(name)
        }
        unknown = [it for it in blueprint.resources if isinstance(it, LiveVersion) and it.name not in live]
        if unknown:
            faults = [Fault(it.function, "has no version that is live") for it in unknown]
            message = f"Cannot deploy '{blueprint.stack}' with a canary: the plan has functions that are new."
            raise CanaryRefusedError(message, hint="Deploy them first with --canary none.", faults=faults)
        kept = {it.function: live[it.name] for it in blueprint.resources if isinstance(it, LiveVersion)}
        return replace(blueprint, resources=tuple(self._divide(it, live, kept) for it in blueprint.resources))

    def _divide(self, resource: Resource, live: Mapping[str, str], kept: Mapping[Ref, str]) -> Resource:
        if isinstance(resource, LiveVersion):
            return replace(resource, version=live[resource.name], new_share=self.new_share)
        if isinstance(resource, ServerlessFunction) and (version := kept.get(Ref(resource.name))):
            return replace(resource, kept_version=version)
        return resource
