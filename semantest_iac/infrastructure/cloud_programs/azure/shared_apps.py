"""Several functions of a stack as one function app, with the settings, rights and logs of the app."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from semantest_iac.domain.blueprints.blueprint import Blueprint
from semantest_iac.domain.blueprints.parts import (
    FUNCTION_LOGS_REF,
    FUNCTION_REF,
    FUNCTION_VARIABLE,
    IDENTITY_REF,
)
from semantest_iac.domain.compute.functions import ServerlessFunction
from semantest_iac.domain.compute.triggers import MessageTrigger, RequestTrigger, ScheduleTrigger
from semantest_iac.domain.delivery.live_version import LiveVersion
from semantest_iac.domain.environments.settings import DEFAULT_PAYLOAD
from semantest_iac.domain.messaging.queues import MessageQueue, MessageTopic, TopicSubscription
from semantest_iac.domain.monitoring.logs_and_alarms import Alarm, LogStore
from semantest_iac.domain.networking.apis import HttpApi
from semantest_iac.domain.networking.private_endpoints import PrivateEndpoint, PrivateService
from semantest_iac.domain.resource import Ref, Resource
from semantest_iac.domain.security.access import FunctionIdentity
from semantest_iac.infrastructure.clouds.azure_timers import describe_schedule

_Kind = TypeVar("_Kind", bound=Resource)
Routes = list[str] | dict[str, list[str]]
PayloadFormats = str | dict[str, str]


def share_app(blueprint: Blueprint) -> Blueprint:
    """Return the blueprint with its named functions in the app of one host, which bears the main function's names.

    So the app stays when functions come and go. Its rights are those of all its functions, its alarms are its own.
    """
    named = [it for it in blueprint.resources if isinstance(it, ServerlessFunction) and it.purpose and not it.package]
    if not named:
        return blueprint
    main = [it for it in blueprint.resources if it.name == FUNCTION_REF and isinstance(it, ServerlessFunction)]
    own_logs = {it.name for it in blueprint.resources if isinstance(it, LogStore)}
    logs = FUNCTION_LOGS_REF if named[0].log_store in own_logs else named[0].log_store  # or that of a whole platform
    called = {it.name for it in blueprint.resources if isinstance(it, RequestTrigger)}
    host = _merge_functions([*main, *named], logs, called)
    resources: dict[str, Resource] = {host.name: host}
    for resource in blueprint.resources:
        if isinstance(resource, ServerlessFunction) and resource in named:
            resources[resource.name] = replace(
                resource, identity=host.identity, log_store=host.log_store, host_function=FUNCTION_REF
            )
        elif isinstance(resource, LogStore) and resource.name in {it.log_store for it in (*main, *named)}:
            resources[FUNCTION_LOGS_REF] = replace(resource, name=FUNCTION_LOGS_REF, purpose="")
        elif isinstance(resource, FunctionIdentity) and resource.name in {it.identity for it in (*main, *named)}:
            before = resources.get(IDENTITY_REF)
            resources[IDENTITY_REF] = _merge_identity(resource, before, host, called)
        elif isinstance(resource, Alarm):
            name = resource.name.removesuffix(f"-{resource.purpose}")
            resources[name] = replace(resource, name=name, function=FUNCTION_REF, purpose="")
        elif resource.name != host.name:
            resources[resource.name] = resource
    ways = {it.name: replace(it, targets=(FUNCTION_REF,)) for it in _list_ways_to_functions(blueprint)}
    return replace(blueprint, resources=tuple({**resources, **ways}.values()))


def _merge_functions(functions: list[ServerlessFunction], logs: Ref, called: Collection[str]) -> ServerlessFunction:
    """Return the function that stands for the app; validation has refused variables and sizes that disagree.

    It needs none of the functions that are `called`, because they are its own.
    """
    variables = {name: value for it in functions for name, value in it.environment.items() if name != FUNCTION_VARIABLE}
    return replace(
        functions[0],
        name=FUNCTION_REF,
        purpose="",
        identity=IDENTITY_REF,
        log_store=logs,
        memory_mb=max(it.memory_mb for it in functions),
        timeout_s=max(it.timeout_s for it in functions),
        environment=variables,
        secrets={name: ref for it in functions for name, ref in it.secrets.items()},
        uses=tuple(dict.fromkeys(ref for it in functions for ref in it.uses if ref not in called)),
        network=next((it.network for it in functions if it.network), None),
    )


def _merge_identity(
    identity: FunctionIdentity, before: Resource | None, host: ServerlessFunction, called: Collection[str]
) -> FunctionIdentity:
    """Return the identity of the app, with the rights of this function and of those before it."""
    merged = (*([before] if isinstance(before, FunctionIdentity) else []), identity)
    return replace(
        identity,
        name=IDENTITY_REF,
        log_store=host.log_store,
        purpose="",
        secrets=tuple(sorted(set(host.secrets.values()))),
        uses=tuple(dict.fromkeys(ref for it in merged for ref in it.uses if ref not in called)),
        receives_from=tuple(dict.fromkeys(ref for it in merged for ref in it.receives_from)),
    )


def list_routes(blueprint: Blueprint) -> Routes:
    """Return the route keys of the API; of an app with several functions by function, the main one without a name."""
    endpoints = [(api, it) for api in _resources_of_type(HttpApi, blueprint.resources) for it in api.endpoints]
    functions = _functions_by_live_version(blueprint)
    if not functions:
        return [str(endpoint) for _, endpoint in endpoints]
    routes: dict[str, list[str]] = {}
    for api, endpoint in endpoints:
        routes.setdefault(functions[endpoint.target or api.target], []).append(str(endpoint))
    return routes


def find_payload(blueprint: Blueprint) -> PayloadFormats:
    """Return the format of events; of an app with several functions by function, those of the default one left out."""
    apis, functions = list(_resources_of_type(HttpApi, blueprint.resources)), _functions_by_live_version(blueprint)
    if not functions:
        return next((api.payload_of(api.target) for api in apis), DEFAULT_PAYLOAD)
    return {functions[target]: payload for api in apis for target, payload in api.payloads.items()}


def list_event_triggers(blueprint: Blueprint) -> list[dict[str, Any]]:
    """Return what calls the functions of an app besides requests, by function, the main one without a name.

    A queue and a topic have the names that they have in the namespace of their broker.
    """
    named = {it.name: it for it in blueprint.resources}
    found = [
        {"function": _find_purpose(named[it.function]), **_describe_trigger(it, named)}
        for it in blueprint.resources
        if isinstance(it, MessageTrigger | RequestTrigger | ScheduleTrigger)
    ]
    return sorted(found, key=lambda it: str(it["function"]))


def _find_purpose(function: Resource) -> str:
    return function.purpose if isinstance(function, ServerlessFunction) else ""


def _describe_trigger(
    trigger: MessageTrigger | RequestTrigger | ScheduleTrigger, named: Mapping[str, Resource]
) -> dict[str, Any]:
    if isinstance(trigger, RequestTrigger):
        return {"http": "internal"}
    if isinstance(trigger, ScheduleTrigger):
        return describe_schedule(trigger.schedule, trigger.time_zone)
    source = named[trigger.source]
    if isinstance(source, TopicSubscription) and isinstance(topic := named[source.topic], MessageTopic):
        return {
            "topic": topic.topic,
            "subscription": source.subscription,
            **({"ordered": True} if source.ordered else {}),
        }
    assert isinstance(source, MessageQueue)  # noqa: S101 - the blueprint's own builders
    return {"queue": source.queue, **({"ordered": True} if source.ordered else {})}


def is_called_inside_network(blueprint: Blueprint) -> bool:
    """Whether functions of the app reach each other by a private endpoint."""
    return bool(_list_ways_to_functions(blueprint))


def _list_ways_to_functions(blueprint: Blueprint) -> list[PrivateEndpoint]:
    endpoints = _resources_of_type(PrivateEndpoint, blueprint.resources)
    return [it for it in endpoints if it.service is PrivateService.FUNCTIONS]


def list_trigger_sources(blueprint: Blueprint) -> list[str]:
    """Return the names of the resources whose messages call a function."""
    return [it.source for it in blueprint.resources if isinstance(it, MessageTrigger)]


def _functions_by_live_version(blueprint: Blueprint) -> dict[str, str]:
    """Return the functions of an app that several share by their live versions; nothing for an app of one function."""
    functions = list(_resources_of_type(ServerlessFunction, blueprint.resources))
    if not any(it.host_function for it in functions):
        return {}
    names = {it.name: it.purpose for it in functions}
    return {it.name: names[it.function] for it in _resources_of_type(LiveVersion, blueprint.resources)}


def _resources_of_type(kind: type[_Kind], resources: Iterable[Resource]) -> Iterator[_Kind]:
    return (resource for resource in resources if isinstance(resource, kind))
