"""What a program asks for: one resource with its inputs and options."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from semantest_iac.infrastructure.sandbox_engine import wire
from semantest_iac.infrastructure.sandbox_engine.aliases import Alias
from semantest_iac.infrastructure.sandbox_engine.options import aliases_of, refuse_unplayed, timeouts_of
from semantest_iac.infrastructure.sandbox_engine.states import ResourceState
from semantest_iac.infrastructure.sandbox_engine.urns import PROVIDER_PREFIX, urn_of
from semantest_iac.infrastructure.sandbox_engine.values import Properties, sealed_in


@dataclass(frozen=True, slots=True)
class Goal:
    """A resource as the program wants it to be, and what it says about the way there."""

    wanted: ResourceState
    aliases: tuple[Alias, ...] = ()
    delete_before_replace: bool | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """What a request leaves out: its stack and project, and the parent and provider that apply to it."""

    stack: str
    project: str
    parent: ResourceState | None = None
    provider: str = ""

    def urn(self, request: Any) -> str:
        """The name of the requested resource."""
        return urn_of(self.stack, self.project, request.parent, request.type, request.name)


def goal_of(request: Any, place: Place) -> Goal:
    """The goal of a RegisterResourceRequest; raises UnsupportedError.

    Protection and retention that the program does not speak of are those of the parent.
    """
    refuse_unplayed(request)
    above = place.parent or ResourceState("", "", custom=False)
    wanted = ResourceState(
        urn=place.urn(request),
        type=request.type,
        custom=request.custom,
        inputs=_inputs(request),
        parent=request.parent,
        provider=place.provider,
        dependencies=tuple(sorted(request.dependencies)),
        property_dependencies=_property_dependencies(request),
        additional_secret_outputs=tuple(sorted(request.additionalSecretOutputs)),
        ignore_changes=tuple(request.ignoreChanges),
        replace_on_changes=tuple(request.replaceOnChanges),
        custom_timeouts=timeouts_of(request),
        protect=request.protect if request.HasField("protect") else above.protect,
        retain_on_delete=request.retainOnDelete if request.HasField("retainOnDelete") else above.retain_on_delete,
    )
    first = request.deleteBeforeReplace if request.deleteBeforeReplaceDefined else None
    return Goal(wanted, aliases_of(request), first)


def wanted_of_read(request: Any, place: Place) -> ResourceState:
    """The resource of a ReadResourceRequest, which somebody else keeps; without an id where that is yet unknown."""
    return ResourceState(
        urn=place.urn(request),
        type=request.type,
        custom=True,
        id="" if request.id == wire.UNKNOWN_TEXT else request.id,
        inputs=sealed_in(wire.decode(request.properties)),
        parent=request.parent,
        provider=place.provider,
        dependencies=tuple(sorted(request.dependencies)),
        additional_secret_outputs=tuple(sorted(request.additionalSecretOutputs)),
        external=True,
    )


def default_provider(package: str, version: str, place: Place) -> ResourceState:
    """The provider of resources that name none, as Pulumi makes one per package and version."""
    type_ = f"{PROVIDER_PREFIX}{package}"
    name = "_".join(["default", *version.replace("-", ".").split(".")]) if version else "default"
    return ResourceState(
        urn=urn_of(place.stack, place.project, "", type_, name),
        type=type_,
        custom=True,
        inputs={"version": version} if version else {},
    )


def _inputs(request: Any) -> Properties:
    inputs = sealed_in(wire.decode(request.object))
    if request.version and request.type.startswith(PROVIDER_PREFIX):
        return {**inputs, "version": request.version}
    return inputs


def _property_dependencies(request: Any) -> dict[str, tuple[str, ...]]:
    return {
        name: tuple(sorted(found.urns)) for name, found in sorted(request.propertyDependencies.items()) if found.urns
    }
