"""The Pulumi program of every stack: walk the blueprint once and hand each resource to the cloud."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import pulumi

from semantest_iac.domain.blueprints.blueprint import Blueprint
from semantest_iac.domain.errors import Fault, ValidationError
from semantest_iac.domain.resource import Resource
from semantest_iac.infrastructure.cloud_programs.cloud import FOUNDATION, Cloud, LazyFunction
from semantest_iac.infrastructure.cloud_programs.context import Outputs, ProgramContext

FOUNDATION_TYPE = "semantest:environments:Ground"

_import_lock = threading.Lock()


def import_sdk(cloud: Cloud, blueprint: Blueprint) -> None:
    """Import what the blueprint needs of the cloud's SDK, one caller at a time; call it before the program runs.

    The SDK loads its modules when they are first touched, and two threads that touch one at once find it half made.
    What is not needed stays out: EC2 alone takes longer than most deployments.
    """
    needed = {cloud.ground, *(cloud.kinds.get(type(resource)) for resource in blueprint.resources)}
    with _import_lock, warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the SDK deprecates classes of its own
        for make in needed:
            if isinstance(make, LazyFunction):
                make.load()


def register_blueprint(blueprint: Blueprint, cloud: Cloud, context: ProgramContext) -> None:
    """Register every resource in order, each under a component of its neutral kind, and export the outputs."""
    refuse_unsupported(blueprint, cloud)
    changes = [cloud.transformation] if cloud.transformation else None
    options = pulumi.ResourceOptions(providers=[cloud.provider(context)], transformations=changes)
    if cloud.ground:
        ground = pulumi.ComponentResource(FOUNDATION_TYPE, FOUNDATION, None, options)
        _create_component(ground, FOUNDATION, context, partial(cloud.ground, blueprint))
    for resource in blueprint.in_order():
        kind = pulumi.ComponentResource(component_type(resource), resource.name, None, options)
        _create_component(kind, resource.name, context, partial(cloud.kinds[type(resource)], resource))
    for name, (resource_name, attribute) in blueprint.outputs.items():
        value = context.made[resource_name].get(attribute)
        if value is not None:  # else the cloud has nothing of the kind
            pulumi.export(name, value)


def refuse_unsupported(blueprint: Blueprint, cloud: Cloud) -> None:
    """Raise ValidationError naming every kind that the cloud lacks."""
    missing = sorted({type(r).__name__ for r in blueprint.resources if type(r) not in cloud.kinds})
    if not missing:
        return
    supported = ", ".join(sorted(kind.__name__ for kind in cloud.kinds))
    faults = [Fault(name, f"{cloud.name} has no {name}", f"It has {supported}.") for name in missing]
    raise ValidationError(f"Cannot deploy '{blueprint.stack}' to {cloud.name}.", faults=faults)


def component_type(resource: Resource) -> str:
    """`semantest:<area>:<Kind>`, from the module that declares the kind."""
    area = type(resource).__module__.split(".")[-2]
    return f"semantest:{area}:{type(resource).__name__}"


def _create_component(
    kind: pulumi.ComponentResource, name: str, context: ProgramContext, function: Callable[[ProgramContext], Outputs]
) -> None:
    made = function(context.under(kind))
    kind.register_outputs({name: value for name, value in made.items() if not _is_resource(value)})
    context.made[name] = made


def _is_resource(value: Any) -> bool:
    """A resource or a list of them: what later functions wait for, and nobody reads."""
    return isinstance(value, pulumi.Resource) or (isinstance(value, list) and any(map(_is_resource, value)))
