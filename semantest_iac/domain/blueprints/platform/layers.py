"""The registry of layers, and the blueprints that are made of them: one layer, or the platform with all.

The order of deployment is that of LAYER_TYPES: network, security, then observability, database, storage and messaging
side by side, functions, ETL, services, the gateway. Within a blueprint it is the references that decide, so layers that
do not need each other are deployed at the same time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from semantest_iac.domain.blueprints.blueprint import Blueprint
from semantest_iac.domain.blueprints.platform.database import build_database, build_storage
from semantest_iac.domain.blueprints.platform.entrances.gateway import build_gateway
from semantest_iac.domain.blueprints.platform.etl import build_etl
from semantest_iac.domain.blueprints.platform.functions import build_functions
from semantest_iac.domain.blueprints.platform.layer import BuildLayer, Layer, LayerContext
from semantest_iac.domain.blueprints.platform.messaging import build_messaging
from semantest_iac.domain.blueprints.platform.network import build_network_layer
from semantest_iac.domain.blueprints.platform.observability import build_observability, watch_layers
from semantest_iac.domain.blueprints.platform.security import build_security
from semantest_iac.domain.blueprints.platform.services import build_services
from semantest_iac.domain.blueprints.platform.site import build_site
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.environments.platform.layer_settings import STORAGE_LAYER, PlatformSettings
from semantest_iac.domain.environments.settings import ComponentSettings
from semantest_iac.domain.resource import Resource

LAYER_BUILDERS: Mapping[str, BuildLayer] = {
    "network": build_network_layer,
    "security": build_security,
    "observability": build_observability,
    "messaging": build_messaging,
    "functions": build_functions,
    "database": build_database,
    "etl": build_etl,
    "site": build_site,
    STORAGE_LAYER: build_storage,
    "services": build_services,
    "gateway": build_gateway,
}
"""The function of each layer."""

LAYER_FINISHERS: Mapping[str, Callable[[Layer, LayerContext], Layer]] = {"observability": watch_layers}
"""The function that completes a layer when all are built, with what refers to those after it."""


def build_layers(
    stack: Stack, settings: ComponentSettings, platform: PlatformSettings | None = None
) -> dict[str, Layer]:
    """Return the layers of a component by name, in their order of deployment.

    `platform` has those that an API uses; raises ValueError for one without any.
    """
    platform = platform or settings.platform
    if platform is None:
        raise ValueError(f"A component of type {settings.type} has no layers.")
    layers: dict[str, Layer] = {}
    built: dict[str, Resource] = {}
    for name in platform.layers:
        layers[name] = LAYER_BUILDERS[name](LayerContext(stack, settings, platform, dict(built)))
        built |= {resource.name: resource for resource in layers[name].resources}
    for name in layers.keys() & LAYER_FINISHERS.keys():
        context = LayerContext(stack, settings, platform, dict(built))
        layers[name] = LAYER_FINISHERS[name](layers[name], context)
    return layers


def build_platform(stack: Stack, generation: int, settings: ComponentSettings) -> Blueprint:
    """Build the blueprint of a layer, or of the platform with all layers that are not turned off."""
    layers = build_layers(stack, settings).values()
    resources = tuple(resource for layer in layers for resource in layer.resources)
    outputs = {name: place for layer in layers for name, place in layer.outputs.items()}
    return Blueprint(stack, generation, resources, outputs, settings.base_environment, settings.tags)
