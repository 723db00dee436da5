"""Finds the resource of the last run that a registration continues under another name.

Source of the rules: pulumi/pulumi, `pkg/resource/deploy/step_generator.go` and `sdk/go/common/apitype/core.go`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from semantest_iac.infrastructure.sandbox_engine.protocol.urns import (
    ROOT_STACK_TYPE,
    build_urn,
    name_of_urn,
    project_of_urn,
    provider_urn,
    reparent_urn,
    stack_of_urn,
    type_chain_of_urn,
    type_of_urn,
)
from semantest_iac.infrastructure.sandbox_engine.state.snapshots import ResourceState


@dataclass(frozen=True, slots=True)
class Alias:
    """A former name: the whole URN, or the parts of it that differed."""

    urn: str = ""
    name: str = ""
    type: str = ""
    stack: str = ""
    project: str = ""
    parent: str = ""
    no_parent: bool = False


def current_and_former_urns(resource: ResourceState, aliases: Iterable[Alias], renamed: Mapping[str, str]) -> list[str]:
    """Return the URNs under which the resource may be stored, its current one first.

    `renamed` maps the current URN of every resource found under a former URN to that former one: the children of a
    renamed parent were renamed with it.
    """
    own = [_alias_urn(alias, resource, renamed) for alias in aliases]
    former_parent = renamed.get(resource.parent, "")
    inherited = (
        [_urn_under_former_parent(urn, name_of_urn(resource.parent), former_parent) for urn in (resource.urn, *own)]
        if former_parent
        else []
    )
    return list(dict.fromkeys([resource.urn, *own, *inherited]))


def _alias_urn(alias: Alias, resource: ResourceState, renamed: Mapping[str, str]) -> str:
    if alias.urn:
        return alias.urn
    parent = renamed.get(alias.parent, alias.parent) if alias.parent else resource.parent
    return build_urn(
        alias.stack or stack_of_urn(resource.urn),
        alias.project or project_of_urn(resource.urn),
        "" if alias.no_parent else parent,
        alias.type or resource.type,
        alias.name or resource.name,
    )


def _urn_under_former_parent(urn: str, parent_name: str, former_parent: str) -> str:
    """Build the URN under the parent's former one.

    A name that begins with the parent's is renamed like the parent's.
    """
    name = name_of_urn(urn)
    if name.startswith(parent_name):
        name = name_of_urn(former_parent) + name.removeprefix(parent_name)
    return build_urn(stack_of_urn(urn), project_of_urn(urn), former_parent, type_of_urn(urn), name)


def with_current_urns(resources: Iterable[ResourceState]) -> Iterator[ResourceState]:
    """Replace every former URN in the resources by the current one, and drop the aliases."""
    current_urns: dict[str, str] = {}
    for resource in resources:
        current_urns |= dict.fromkeys(resource.aliases, resource.urn)
        parent = current_urns.get(resource.parent, "")
        if parent and type_chain_of_urn(parent) != ROOT_STACK_TYPE:
            current_urns.setdefault(resource.urn, reparent_urn(resource.urn, parent))
        yield _replace_urns(resource, current_urns) if current_urns else resource


def _replace_urns(resource: ResourceState, current_urns: Mapping[str, str]) -> ResourceState:
    def current(urn: str) -> str:
        return current_urns.get(urn, urn)

    provider = resource.provider
    return replace(
        resource,
        urn=current(resource.urn),
        parent=current(resource.parent),
        provider=current(provider_urn(provider)) + provider[len(provider_urn(provider)) :],
        dependencies=tuple(map(current, resource.dependencies)),
        property_dependencies={
            name: tuple(map(current, urns)) for name, urns in resource.property_dependencies.items()
        },
        aliases=(),
    )
