"""The Pulumi program of every stack: visit each resource of the blueprint once and let the cloud create it."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Collection
from dataclasses import replace
from functools import partial
from typing import Any

import pulumi

from semantest_iac.domain.blueprints.blueprint import Blueprint
from semantest_iac.domain.errors import Fault, ValidationError
from semantest_iac.domain.resource import Resource
from semantest_iac.infrastructure.cloud_programs.cloud import FOUNDATION, Cloud, LazyFunction
from semantest_iac.infrastructure.cloud_programs.context import Outputs, ProgramContext, RetainedResource

FOUNDATION_TYPE = "semantest:environments:Ground"  # part of the URNs of deployed resources

_import_lock = threading.Lock()


def import_sdk(cloud: Cloud, blueprint: Blueprint) -> None:
    """Import the SDK modules that the blueprint needs, one caller at a time; call it before the program runs.

    The SDK loads its modules lazily, and two threads that load one at once see it incomplete. Other modules are not
    imported: EC2 alone takes longer than most deployments.
    """
    needed = {cloud.foundation, *(cloud.kinds.get(type(resource)) for resource in blueprint.resources)}
    with _import_lock, warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the SDK uses classes that it deprecates
        for function in needed:
            if isinstance(function, LazyFunction):
                function.load()


def leave_out_positions() -> None:
    """Have the SDK record no position in the code for any resource of this process.

    It reads the whole stack for each resource, which takes a fifth of a program's run, and would write the paths of
    one machine into the state, where nothing reads them.
    """
    from pulumi.runtime import resource
    from pulumi.runtime.proto.source_pb2 import StackTrace

    vars(resource).update(_get_stack_trace=StackTrace)


def register_blueprint(blueprint: Blueprint, cloud: Cloud, context: ProgramContext) -> None:
    """Register every resource in order, each under a component of its neutral kind, and export the outputs."""
    blueprint = cloud.adapt(blueprint)
    base_environment = blueprint.base_environment or blueprint.stack.environment
    context = replace(context, base_environment=base_environment, extra_tags=blueprint.tags)
    refuse_unsupported(blueprint, cloud)
    registered: set[tuple[str, str]] = set()
    transformations: list[pulumi.ResourceTransformation] = [
        partial(_record_registration, registered),
        partial(_delete_only_once, context.deleted),
    ]
    if cloud.transformation:
        transformations.append(cloud.transformation)
    options = pulumi.ResourceOptions(providers=[cloud.create_provider(context)], transformations=transformations)
    components: dict[str, pulumi.ComponentResource] = {}
    if cloud.foundation:
        foundation = pulumi.ComponentResource(FOUNDATION_TYPE, FOUNDATION, None, options)
        components[FOUNDATION] = foundation
        _create_component(foundation, FOUNDATION, context, partial(cloud.foundation, blueprint))
    for resource in blueprint.in_order():
        component = pulumi.ComponentResource(component_type(resource), resource.name, None, options)
        components[resource.name] = component
        _create_component(component, resource.name, context, partial(cloud.kinds[type(resource)], resource))
    for retained in context.retained:
        if (retained.type, retained.name) not in registered:
            _keep_registered(retained, components, options)
    for name, (resource_name, attribute) in blueprint.outputs.items():
        value = context.outputs[resource_name].get(attribute)
        if value is not None:  # otherwise the cloud has no such attribute
            pulumi.export(name, value)


def refuse_unsupported(blueprint: Blueprint, cloud: Cloud) -> None:
    """Raise ValidationError naming every kind that the cloud does not support."""
    missing = sorted({type(r).__name__ for r in blueprint.resources if type(r) not in cloud.kinds})
    if not missing:
        return
    supported = ", ".join(sorted(kind.__name__ for kind in cloud.kinds))
    faults = [Fault(name, f"{cloud.name} has no {name}", f"It has {supported}.") for name in missing]
    raise ValidationError(f"Cannot deploy '{blueprint.stack}' to {cloud.name}.", faults=faults)


def component_type(resource: Resource) -> str:
    """Return `semantest:<area>:<Kind>`, from the module that declares the kind."""
    area = type(resource).__module__.split(".")[-2]
    return f"semantest:{area}:{type(resource).__name__}"


def _record_registration(registered: set[tuple[str, str]], args: pulumi.ResourceTransformationArgs) -> None:
    """Remember the type and the name of a resource, and change nothing."""
    registered.add((args.type_, args.name))


def _delete_only_once(
    deleted: Collection[tuple[str, str]], args: pulumi.ResourceTransformationArgs
) -> pulumi.ResourceTransformationResult | None:
    """Have a resource that was deleted to be replaced created, and nothing deleted after that.

    Pulumi deletes it once more unless the replacement is one that deletes first: under the same name that would be the
    new one. Going back to the former values is no difference for a provider, which then does not ask for that order.
    """
    if (args.type_, args.name) not in deleted:
        return None
    options = pulumi.ResourceOptions.merge(args.opts, pulumi.ResourceOptions(delete_before_replace=True))
    return pulumi.ResourceTransformationResult(args.props, options)


def _keep_registered(
    retained: RetainedResource, components: dict[str, pulumi.ComponentResource], options: pulumi.ResourceOptions
) -> None:
    """Keep a resource in the stack that the blueprint no longer has and that a delete would leave in the cloud.

    Otherwise the cloud had it and no state: the blueprint could not bring it back, for its name would be taken.
    """
    if retained.component not in components:
        component = pulumi.ComponentResource(retained.component_type, retained.component, None, options)
        component.register_outputs({})
        components[retained.component] = component
    opts = pulumi.ResourceOptions(parent=components[retained.component], retain_on_delete=True)
    pulumi.CustomResource(retained.type, retained.name, dict(retained.inputs), opts)


def _create_component(
    component: pulumi.ComponentResource,
    name: str,
    context: ProgramContext,
    function: Callable[[ProgramContext], Outputs],
) -> None:
    outputs = function(context.under(component))
    component.register_outputs({name: value for name, value in outputs.items() if not _is_resource(value)})
    context.outputs[name] = outputs


def _is_resource(value: Any) -> bool:
    """Whether the value is a resource or contains some: used by later functions, but no output."""
    return isinstance(value, pulumi.Resource | Resource) or (isinstance(value, list) and any(map(_is_resource, value)))
