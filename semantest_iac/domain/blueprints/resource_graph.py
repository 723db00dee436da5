"""The resources of a blueprint with what each needs, in the layers in which a person looks for them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from semantest_iac.domain.blueprints.blueprint import Blueprint
from semantest_iac.domain.blueprints.platform.layers import build_layers
from semantest_iac.domain.environments.settings import ComponentSettings
from semantest_iac.domain.resource import Resource


@dataclass(frozen=True, slots=True)
class ResourceNode:
    """A resource by name, its kind and layer, and the names of those that it needs, sorted."""

    name: str
    kind: str
    layer: str
    needs: tuple[str, ...]


def build_resource_graph(blueprint: Blueprint, settings: ComponentSettings) -> tuple[ResourceNode, ...]:
    """Return every resource after those that it needs, grouped by layers as far as that allows.

    The resources of an API have no layers of the platform: they are grouped by their subject, such as networking.
    Raises ValidationError for a cycle.
    """
    layers = _find_layers(blueprint, settings)
    return tuple(
        ResourceNode(it.name, type(it).__name__, layers[it.name], tuple(sorted({*it.needs()})))
        for it in blueprint.in_order()
    )


def group_by_layer(nodes: Iterable[ResourceNode]) -> dict[str, tuple[ResourceNode, ...]]:
    """Return the resources of each layer, the layers in the order of their first resources."""
    found = tuple(nodes)
    return {layer: tuple(it for it in found if it.layer == layer) for layer in dict.fromkeys(it.layer for it in found)}


def _find_layers(blueprint: Blueprint, settings: ComponentSettings) -> Mapping[str, str]:
    if settings.platform is None:
        return {it.name: _find_subject(it) for it in blueprint.resources}
    layers = build_layers(blueprint.stack, settings)
    return {resource.name: name for name, layer in layers.items() for resource in layer.resources}


def _find_subject(resource: Resource) -> str:
    """Return the package of the domain in which the kind is."""
    return type(resource).__module__.split(".")[-2]
