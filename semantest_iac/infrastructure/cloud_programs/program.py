"""The Pulumi program of every stack: walk the blueprint once and hand each resource to the cloud."""

from __future__ import annotations

import threading
from typing import Any

import pulumi

from semantest_iac.domain.blueprints.blueprint import Blueprint
from semantest_iac.domain.errors import Fault, ValidationError
from semantest_iac.domain.resource import Resource
from semantest_iac.infrastructure.cloud_programs.cloud import Cloud
from semantest_iac.infrastructure.cloud_programs.context import Context

_loading = threading.Lock()


def load(cloud: Cloud) -> None:
    """Import the cloud's SDK completely, one caller at a time; call it before any thread starts."""
    with _loading:
        cloud.load()


def deploy(blueprint: Blueprint, cloud: Cloud, context: Context) -> None:
    """Register every resource in order, each under a component of its neutral kind, and export the outputs."""
    refuse_unsupported(blueprint, cloud)
    provider = cloud.provider(context)
    for resource in blueprint.in_order():
        kind = pulumi.ComponentResource(
            kind_token(resource), resource.name, None, pulumi.ResourceOptions(providers=[provider])
        )
        made = cloud.kinds[type(resource)](resource, context.under(kind))
        kind.register_outputs(_visible(made))
        context.made[resource.name] = made
    for name, (resource_name, attribute) in blueprint.outputs.items():
        pulumi.export(name, context.made[resource_name][attribute])


def refuse_unsupported(blueprint: Blueprint, cloud: Cloud) -> None:
    """Raise ValidationError naming every kind that the cloud lacks."""
    missing = sorted({type(r).__name__ for r in blueprint.resources if type(r) not in cloud.kinds})
    if not missing:
        return
    supported = ", ".join(sorted(kind.__name__ for kind in cloud.kinds))
    faults = [Fault(name, f"{cloud.name} has no {name}", f"It has {supported}.") for name in missing]
    raise ValidationError(f"Cannot deploy '{blueprint.stack}' to {cloud.name}.", faults=faults)


def kind_token(resource: Resource) -> str:
    """`semantest:<area>:<Kind>`, from the module that declares the kind."""
    area = type(resource).__module__.split(".")[-2]
    return f"semantest:{area}:{type(resource).__name__}"


def _visible(made: Any) -> dict[str, Any]:
    return {name: value for name, value in made.items() if not isinstance(value, pulumi.Resource)}
