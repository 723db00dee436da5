"""The neutral resource graph of one stack."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from graphlib import CycleError, TopologicalSorter

from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.errors import Fault, ValidationError
from semantest_iac.domain.networking.custom_domains import CustomDomain
from semantest_iac.domain.resource import Resource
from semantest_iac.domain.security.access import AppSecret


@dataclass(frozen=True, slots=True)
class Blueprint:
    """The resources of a stack in no particular order; `generation` counts its creations after destroys.

    `base_environment` is the built-in environment that the stack's environment is or extends, empty for itself; `tags`
    are those of the configuration.
    """

    stack: Stack
    generation: int
    resources: tuple[Resource, ...]
    outputs: Mapping[str, tuple[str, str]]  # output name -> (resource name, attribute)
    base_environment: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def secrets(self) -> dict[str, AppSecret]:
        """The secrets by their names in the configuration, sorted."""
        found = {it.key: it for it in self.resources if isinstance(it, AppSecret)}
        return dict(sorted(found.items()))

    def with_secret_versions(self, versions: Mapping[str, str]) -> Blueprint:
        """Return the blueprint with the versions of the values that were set in the cloud's own store, by secret."""
        if not versions:
            return self
        resources = (
            replace(it, version=versions.get(it.key, "")) if isinstance(it, AppSecret) else it for it in self.resources
        )
        return replace(self, resources=tuple(resources))

    @property
    def domains(self) -> tuple[CustomDomain, ...]:
        """The domains of its APIs."""
        return tuple(it for it in self.resources if isinstance(it, CustomDomain))

    def with_records(self, domains: Collection[str]) -> Blueprint:
        """Return the blueprint with these domains as those whose records were found where a person set them."""
        resources = (
            replace(it, has_records=True) if isinstance(it, CustomDomain) and it.domain in domains else it
            for it in self.resources
        )
        return replace(self, resources=tuple(resources)) if domains else self

    def in_order(self) -> Iterator[Resource]:
        """Return every resource after all that it needs; raises ValidationError for a cycle or a missing resource."""
        named = {resource.name: resource for resource in self.resources}
        faults = [*_find_duplicates(self.resources), *_find_missing(self.resources, named)]
        if faults:
            raise ValidationError(f"Cannot order the blueprint of '{self.stack}'.", faults=faults)
        try:
            order = tuple(TopologicalSorter({r.name: r.needs() for r in self.resources}).static_order())
        except CycleError as error:
            fault = Fault("blueprint", " needs ".join(error.args[1]))
            raise ValidationError("Cannot order the blueprint: it has a cycle.", faults=[fault]) from error
        return iter([named[name] for name in order])


def _find_duplicates(resources: tuple[Resource, ...]) -> list[Fault]:
    names = [resource.name for resource in resources]
    return [
        Fault(f"blueprint.{name}", "two resources share this name")
        for name in sorted({n for n in names if names.count(n) > 1})
    ]


def _find_missing(resources: tuple[Resource, ...], named: Mapping[str, Resource]) -> list[Fault]:
    return [
        Fault(f"blueprint.{resource.name}", f"needs '{need}', which is not in the blueprint")
        for resource in resources
        for need in resource.needs()
        if need not in named
    ]
