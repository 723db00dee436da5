"""The functions layer: each function with its log, its rights and what calls it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from semantest_iac.domain.blueprints import parts
from semantest_iac.domain.blueprints.parts import FUNCTION_REF, LIVE_VERSION_REF, ref_of
from semantest_iac.domain.blueprints.platform.layer import (
    TRACES_REF,
    Layer,
    LayerContext,
    queue_ref,
    requests_ref,
    subscription_ref,
    topic_ref,
)
from semantest_iac.domain.blueprints.platform.private_access import build_private_endpoint
from semantest_iac.domain.compute.triggers import MessageTrigger, RequestTrigger, ScheduleTrigger
from semantest_iac.domain.delivery.live_version import LiveVersion
from semantest_iac.domain.environments.platform.layer_settings import FunctionTrigger
from semantest_iac.domain.environments.settings import FunctionSettings
from semantest_iac.domain.networking.access_rules import NetworkPart
from semantest_iac.domain.networking.private_endpoints import PrivateService
from semantest_iac.domain.resource import Ref, Resource


def build_functions(context: LayerContext) -> Layer:
    """Build the functions of the layer; validation has refused those whose queue or topic is not in the component."""
    return build_functions_of("functions", context)


def build_functions_of(layer: str, context: LayerContext, uses: tuple[Ref, ...] = ()) -> Layer:
    """Build the functions of a layer, each of which may use these resources besides those that it sends to."""
    functions = [it for it in context.settings.functions if context.platform.find_function_layer(it.trigger) == layer]
    called = tuple(dict.fromkeys(ref for function in functions for ref in _find_called(function, context)))
    resources = (
        *context.leave_out_built(parts.build_secrets(context.settings)),  # as the vault has them
        *(it for function in _order_by_calls(functions) for it in _build_function(function, context, uses)),
        *build_private_endpoint(context, PrivateService.FUNCTIONS, called),
    )
    outputs = {f"{layer}_{it.name.replace('-', '_')}": (ref_of(FUNCTION_REF, it.name), "name") for it in functions}
    return Layer(resources, outputs)


def _order_by_calls(functions: Sequence[FunctionSettings]) -> Sequence[FunctionSettings]:
    """Return the functions as they are written, but called ones before their callers, which refer to them."""
    named = {it.name: it for it in functions}
    ordered: dict[str, FunctionSettings] = {}

    def add(function: FunctionSettings, callers: tuple[str, ...] = ()) -> None:
        for name in function.calls:
            if name in named and name not in ordered and name not in callers:
                add(named[name], (*callers, function.name))
        ordered.setdefault(function.name, function)

    for function in functions:
        add(function)
    return tuple(ordered.values())


def _build_function(
    function: FunctionSettings, context: LayerContext, resources: tuple[Ref, ...]
) -> Iterator[Resource]:
    settings, name = context.settings.for_function(function.name), function.name
    source = _find_source(function, context)
    destinations = filter(None, (_find_destination(destination, context) for destination in function.sends_to))
    stores = context.find_stores(function.tables, function.buckets)
    uses = (*resources, *stores, *destinations, *_find_called(function, context))
    subnet = _find_subnet(function, context)
    identity = parts.build_identity(settings, uses, name)
    logs = context.find_ref(TRACES_REF) or identity.log_store
    if logs == identity.log_store:
        yield parts.build_function_logs(settings, name)
    yield replace(
        identity,
        log_store=logs,
        receives_from=(source,) if source else (),
        policy=replace(identity.policy, join_network=subnet is not None),
    )
    yield replace(parts.build_function(context.stack, settings, uses, name), network=subnet, log_store=logs)
    yield LiveVersion(
        name=ref_of(LIVE_VERSION_REF, name), function=ref_of(FUNCTION_REF, name), warm=settings.instances.minimum
    )
    if function.trigger:
        yield from _build_trigger(function.trigger, name, source)


def _find_subnet(function: FunctionSettings, context: LayerContext) -> Ref | None:
    """Return the subnet of functions for one that reaches private services, or has a fixed address outside."""
    needs_one = function.has_fixed_address or context.is_private
    return context.find_subnet(NetworkPart.FUNCTIONS) if needs_one else None


def _find_source(function: FunctionSettings, context: LayerContext) -> Ref | None:
    trigger = function.trigger
    if trigger is None or not (trigger.queue or trigger.topic):
        return None
    return context.find_ref(
        queue_ref(trigger.queue) if trigger.queue else subscription_ref(trigger.topic, function.name)
    )


def _find_destination(name: str, context: LayerContext) -> Ref | None:
    return context.find_ref(queue_ref(name)) or context.find_ref(topic_ref(name))


def _find_called(function: FunctionSettings, context: LayerContext) -> tuple[Ref, ...]:
    """Return what lets a function call others; validation refuses calls of those that are not there."""
    answering = {it.name for it in context.settings.functions if it.trigger and it.trigger.http}
    return tuple(requests_ref(name) for name in dict.fromkeys(function.calls) if name in answering)


def _build_trigger(trigger: FunctionTrigger, function: str, source: Ref | None) -> Iterator[Resource]:
    called = {"target": ref_of(LIVE_VERSION_REF, function), "function": ref_of(FUNCTION_REF, function)}
    if source:
        yield MessageTrigger(
            name=f"messages-{function}",
            source=source,
            batch_size=trigger.batch,
            maximum=trigger.max_concurrency,
            purpose=function,
            **called,
        )
    if trigger.http:
        yield RequestTrigger(name=requests_ref(function), purpose=function, **called)
    if trigger.schedule:
        yield ScheduleTrigger(
            name=f"schedule-{function}",
            schedule=trigger.schedule,
            time_zone=trigger.time_zone,
            purpose=function,
            **called,
        )
