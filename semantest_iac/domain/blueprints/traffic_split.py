"""Divides the traffic of a stack between the version that is live and the one that is deployed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from semantest_iac.domain.blueprints.blueprint import Blueprint
from semantest_iac.domain.delivery.live_version import LiveVersion
from semantest_iac.domain.errors import Fault, RefusedError


@dataclass(frozen=True, slots=True)
class TrafficSplit:
    """The outputs of the deployment that is live, and the percent of the traffic that the newest version gets."""

    outputs: Mapping[str, Any]
    new_share: int

    def apply(self, blueprint: Blueprint) -> Blueprint:
        """Return the blueprint in which the live versions stay; raises RefusedError where they are not known."""
        live = {
            ref: str(self.outputs[name])
            for name, (ref, attribute) in blueprint.outputs.items()
            if attribute == "version" and self.outputs.get(name)
        }
        unknown = [it for it in blueprint.resources if isinstance(it, LiveVersion) and it.name not in live]
        if unknown:
            faults = [Fault(it.name, "the last deployment did not record its version") for it in unknown]
            message = f"Cannot divide the traffic of '{blueprint.stack}': it is not known which version is live."
            raise RefusedError(message, "NO_LIVE_VERSION", hint="Deploy once with --canary none.", faults=faults)
        resources = tuple(
            replace(it, version=live[it.name], new_share=self.new_share) if isinstance(it, LiveVersion) else it
            for it in blueprint.resources
        )
        return replace(blueprint, resources=resources)
