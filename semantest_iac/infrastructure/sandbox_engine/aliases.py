"""Which resource of the last run a registration means, although it was called otherwise then.

Source of the rules: pulumi/pulumi, `pkg/resource/deploy/step_generator.go` and `sdk/go/common/apitype/core.go`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from semantest_iac.infrastructure.sandbox_engine.states import ResourceState
from semantest_iac.infrastructure.sandbox_engine.urns import (
    STACK_TYPE,
    name_of,
    project_of,
    provider_urn,
    stack_of,
    type_chain,
    type_of,
    under,
    urn_of,
)


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
    own = [_spelled(alias, wanted, renamed) for alias in aliases]
    before = renamed.get(wanted.parent, "")
    inherited = [_as_child(urn, name_of(wanted.parent), before) for urn in (wanted.urn, *own)] if before else []
    return list(dict.fromkeys([wanted.urn, *own, *inherited]))


def _spelled(alias: Alias, wanted: ResourceState, renamed: Mapping[str, str]) -> str:
    if alias.urn:
        return alias.urn
    parent = renamed.get(alias.parent, alias.parent) if alias.parent else wanted.parent
    return urn_of(
        alias.stack or stack_of(wanted.urn),
        alias.project or project_of(wanted.urn),
        "" if alias.no_parent else parent,
        alias.type or wanted.type,
        alias.name or wanted.name,
    )


def _as_child(urn: str, parent_name: str, before: str) -> str:
    """Its URN under the parent's former one; a name that began with the parent's began with the former one too."""
    name = name_of(urn)
    if name.startswith(parent_name):
        name = name_of(before) + name.removeprefix(parent_name)
    return urn_of(stack_of(urn), project_of(urn), before, type_of(urn), name)


def with_present_names(resources: Iterable[ResourceState]) -> Iterator[ResourceState]:
    """The resources with every mention of a former URN replaced, and the note of the former one dropped."""
    present: dict[str, str] = {}
    for resource in resources:
        present |= dict.fromkeys(resource.aliases, resource.urn)
        parent = present.get(resource.parent, "")
        if parent and type_chain(parent) != STACK_TYPE:
            present.setdefault(resource.urn, under(resource.urn, parent))
        yield _renamed(resource, present) if present else resource


def _renamed(resource: ResourceState, present: Mapping[str, str]) -> ResourceState:
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
