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
    """A former name: the whole URN, or the parts of it that were different."""

    urn: str = ""
    name: str = ""
    type: str = ""
    stack: str = ""
    project: str = ""
    parent: str = ""
    no_parent: bool = False


def former_urns(wanted: ResourceState, aliases: Iterable[Alias], renamed: Mapping[str, str]) -> list[str]:
    """The URNs under which the resource may be remembered, its present one first.

    `renamed` leads from the present URN of every resource found under a former one to that former one: children of
    a renamed parent were renamed with it.
    """
    own = [_alias_urn(alias, wanted, renamed) for alias in aliases]
    before = renamed.get(wanted.parent, "")
    inherited = (
        [_urn_under_former_parent(urn, name_of_urn(wanted.parent), before) for urn in (wanted.urn, *own)]
        if before
        else []
    )
    return list(dict.fromkeys([wanted.urn, *own, *inherited]))


def _alias_urn(alias: Alias, wanted: ResourceState, renamed: Mapping[str, str]) -> str:
    if alias.urn:
        return alias.urn
    parent = renamed.get(alias.parent, alias.parent) if alias.parent else wanted.parent
    return build_urn(
        alias.stack or stack_of_urn(wanted.urn),
        alias.project or project_of_urn(wanted.urn),
        "" if alias.no_parent else parent,
        alias.type or wanted.type,
        alias.name or wanted.name,
    )


def _urn_under_former_parent(urn: str, parent_name: str, before: str) -> str:
    """Its URN under the parent's former one; a name that began with the parent's began with the former one too."""
    name = name_of_urn(urn)
    if name.startswith(parent_name):
        name = name_of_urn(before) + name.removeprefix(parent_name)
    return build_urn(stack_of_urn(urn), project_of_urn(urn), before, type_of_urn(urn), name)


def with_current_urns(resources: Iterable[ResourceState]) -> Iterator[ResourceState]:
    """The resources with every mention of a former URN replaced, and the note of the former one dropped."""
    present: dict[str, str] = {}
    for resource in resources:
        present |= dict.fromkeys(resource.aliases, resource.urn)
        parent = present.get(resource.parent, "")
        if parent and type_chain_of_urn(parent) != ROOT_STACK_TYPE:
            present.setdefault(resource.urn, reparent_urn(resource.urn, parent))
        yield _replace_urns(resource, present) if present else resource


def _replace_urns(resource: ResourceState, present: Mapping[str, str]) -> ResourceState:
    def now(urn: str) -> str:
        return present.get(urn, urn)

    provider = resource.provider
    return replace(
        resource,
        urn=now(resource.urn),
        parent=now(resource.parent),
        provider=now(provider_urn(provider)) + provider[len(provider_urn(provider)) :],
        dependencies=tuple(map(now, resource.dependencies)),
        property_dependencies={name: tuple(map(now, urns)) for name, urns in resource.property_dependencies.items()},
        aliases=(),
    )
