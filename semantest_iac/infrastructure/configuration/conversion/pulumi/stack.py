"""Makes a configuration of what a Pulumi program deployed to AWS, as its state has it.

Each HTTP API becomes a component `rest-api`, functions that are called by queues, topics and schedules a component
`workers`. Everything else is listed: it stays with the program that made it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import count
from pathlib import Path
from typing import Any

from semantest_iac.domain.environments.runtimes import FunctionRuntime
from semantest_iac.domain.errors import ConfigurationError, Fault
from semantest_iac.domain.ports.service_finder import ConvertedConfiguration
from semantest_iac.infrastructure.configuration.conversion.function_variables import (
    is_plain_text,
    is_reserved_name,
    name_secret,
)
from semantest_iac.infrastructure.configuration.conversion.notes import to_component_name
from semantest_iac.infrastructure.configuration.conversion.pulumi.states import (
    STATE_SECRET,
    ForeignResource,
    ForeignStack,
    StateArchive,
    read_foreign_stack,
)
from semantest_iac.infrastructure.configuration.conversion.runtime_choice import RuntimeChoice
from semantest_iac.infrastructure.configuration.conversion.translated_schedules import translate_schedule

_FUNCTION, _API = "aws:lambda/function:Function", "aws:apigatewayv2/api:Api"
_ROUTE, _INTEGRATION = "aws:apigatewayv2/route:Route", "aws:apigatewayv2/integration:Integration"
_AUTHORIZER, _MAPPING = "aws:apigatewayv2/authorizer:Authorizer", "aws:lambda/eventSourceMapping:EventSourceMapping"
_QUEUE, _TOPIC = "aws:sqs/queue:Queue", "aws:sns/topic:Topic"
_SUBSCRIPTION, _SCHEDULE = "aws:sns/topicSubscription:TopicSubscription", "aws:scheduler/schedule:Schedule"
_RULE, _TARGET = "aws:cloudwatch/eventRule:EventRule", "aws:cloudwatch/eventTarget:EventTarget"
_MADE_ANEW = frozenset(
    {
        "aws:apigatewayv2/deployment:Deployment",
        "aws:apigatewayv2/stage:Stage",
        "aws:cloudwatch/logGroup:LogGroup",
        "aws:iam/role:Role",
        "aws:lambda/alias:Alias",
        "aws:lambda/permission:Permission",
    }
)
_HINTS = {
    "aws:dynamodb/table:Table": "Tables here have keys of their own (docs/stores.md). Keep it with its program.",
    "aws:s3/bucket:Bucket": "Add its name to `buckets`; what is in it stays where it is.",
    "aws:s3/bucketV2:BucketV2": "Add its name to `buckets`; what is in it stays where it is.",
    "aws:iam/rolePolicy:RolePolicy": "Each function gets a role with rights on what it names.",
    "aws:iam/policy:Policy": "Each function gets a role with rights on what it names.",
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": "Each function gets a role with rights on what it names.",
    "aws:cloudwatch/metricAlarm:MetricAlarm": "Alarms are `monitoring`.",
    "aws:apigateway/restApi:RestApi": 'Write `routes` of a component; its functions have `payload: "1.0"`.',
    _QUEUE: "Add it to `queues`; functions find it in SEMANTEST_SEND_<NAME>.",
    _TOPIC: "Add it to `topics`; functions find it in SEMANTEST_SEND_<NAME>.",
    _FUNCTION: "Give it a route or a trigger; functions call each other with `calls` (docs/calls.md).",
}
_OTHER_HINT = "Keep it with the program that made it."
_DEFAULT_MEMORY, _DEFAULT_TIMEOUT, _LONGEST_REQUEST = 128, 3, 29


def convert_pulumi_stack(file: Path, runtimes: Sequence[FunctionRuntime], today: date) -> ConvertedConfiguration:
    """Read a state; raises ConfigurationError where it is none, or has no resource of AWS."""
    stack = read_foreign_stack(file)
    if not any(resource.type.startswith("aws:") for resource in stack.resources):
        fault = Fault("", "has no resource of the provider aws", "Stacks of pulumi-aws can be read.", str(file))
        raise ConfigurationError("Cannot import this stack.", faults=[fault])
    return _StackConverter(stack, file.name, RuntimeChoice(runtimes, today)).convert()


@dataclass(slots=True)
class _ApiParts:
    """What was found of one API; `sources` are the folders of its functions, the first one counts."""

    routes: list[dict[str, Any]] = field(default_factory=list)
    functions: dict[str, Any] = field(default_factory=dict)
    authorizer: dict[str, Any] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)


class _StackConverter:
    """One conversion; a resource that is used is not listed as left out."""

    def __init__(self, stack: ForeignStack, file: str, runtimes: RuntimeChoice) -> None:
        self._stack = stack
        self._file = file
        self._runtimes = runtimes
        self._left_out: list[Fault] = []
        self._differs: list[Fault] = []
        self._required: dict[str, str] = {}
        self._used: set[str] = set()
        self._functions = {name: each for each in stack.of_type(_FUNCTION) for name in _list_function_names(each)}

    def convert(self) -> ConvertedConfiguration:
        components: dict[str, Any] = {}
        for api in self._stack.of_type(_API):
            if component := self._convert_api(api):
                name = "rest-api" if "rest-api" not in components else to_component_name(api.text("name") or api.name)
                numbered = (name if number == 1 else f"{name}-{number}" for number in count(1))
                free = next(one for one in numbered if one not in components)
                components[free] = {**({} if free == "rest-api" else {"type": "rest-api"}), **component}
        if workers := self._convert_workers():
            components["workers"] = workers
        self._list_unused()
        region = next((each.text("region") for each in self._stack.of_type("pulumi:providers:aws")), "")
        values = {
            "project": to_component_name(self._stack.project) or "imported",
            "provider": "aws",
            **({"region": region} if region else {}),
            "components": components,
        }
        return ConvertedConfiguration(values, tuple(self._left_out), tuple(self._differs), self._required)

    def _leave_out(self, resource: ForeignResource, reason: str, hint: str = "") -> None:
        self._used.add(resource.urn)
        self._left_out.append(Fault(resource.place, reason, hint, self._file))

    def _differ(self, resource: ForeignResource, reason: str, hint: str = "") -> None:
        self._differs.append(Fault(resource.place, reason, hint, self._file))

    def _convert_api(self, api: ForeignResource) -> dict[str, Any] | None:
        if api.text("protocolType") != "HTTP":
            self._leave_out(api, "a WebSocket API is not taken over", "docs/configuration.md#componentswebsocket")
            return None
        parts = _ApiParts()
        for route in (each for each in self._stack.of_type(_ROUTE) if each.text("apiId") == api.id):
            self._convert_route(api, route, parts)
        if not parts.routes:
            return None
        self._used.add(api.urn)
        for written in parts.routes:
            if written.pop("is_open") and parts.authorizer:
                written["public"] = True
        cors = _read_cors(api.values.get("corsConfiguration"))
        protected = {"authorizer": parts.authorizer} if parts.authorizer else {}
        source = next(iter(parts.sources), ".")
        return {"source": source, "functions": parts.functions, "routes": parts.routes, "cors": cors, **protected}

    def _convert_route(self, api: ForeignResource, route: ForeignResource, parts: _ApiParts) -> None:
        """Add the route and its function, or say why not."""
        integration = self._find_integration(api, route)
        called = _find_function_name(integration.text("integrationUri")) if integration else ""
        function = self._functions.get(called)
        if integration is None or function is None:
            self._leave_out(route, "leads to no function of the stack", "Routes lead to functions.")
            return
        wanted = self._read_authorizer(route, parts.authorizer)
        settings = None if wanted is None else self._convert_function(function, parts.sources, limit=_LONGEST_REQUEST)
        if settings is None:
            return
        parts.authorizer = wanted or parts.authorizer
        self._used |= {route.urn, integration.urn, function.urn}
        payload = {"payload": "1.0"} if integration.text("payloadFormatVersion") in ("", "1.0") else {}
        name = to_component_name(function.name) or "function"
        parts.functions[name] = {**settings, **payload}
        parts.routes += _write_routes(route.text("routeKey"), name, is_open=not wanted)

    def _find_integration(self, api: ForeignResource, route: ForeignResource) -> ForeignResource | None:
        target = route.text("target").removeprefix("integrations/")
        candidates = self._stack.of_type(_INTEGRATION)
        return next((each for each in candidates if each.text("apiId") == api.id and each.id == target), None)

    def _read_authorizer(self, route: ForeignResource, other: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return the authorizer of a route, empty for an open one; None where the route had to be left out."""
        kind = route.text("authorizationType") or "NONE"
        found = next((each for each in self._stack.of_type(_AUTHORIZER) if each.id == route.text("authorizerId")), None)
        if kind == "NONE" and not route.values.get("apiKeyRequired"):
            return {}
        tokens = found.values.get("jwtConfiguration") if found else None
        if kind == "JWT" and found and isinstance(tokens, dict) and isinstance(tokens.get("issuer"), str):
            self._used.add(found.urn)
            sources = found.values.get("identitySources")
            header = str(sources[0] if isinstance(sources, list) and sources else "").removeprefix("$request.header.")
            own_header = {"header": header} if header not in ("", "Authorization") else {}
            written = {"issuer": tokens["issuer"], "audience": list(tokens.get("audiences") or []), **own_header}
            if not route.values.get("authorizationScopes") and (not other or other == written):
                return written
        reason = "is left out, as everybody could call it: it is protected in a way that an API here does not have"
        self._leave_out(route, reason, "Check the token in the code, or write the route with an `authorizer`.")
        return None

    def _convert_function(
        self, function: ForeignResource, sources: dict[str, str], *, limit: int = 900
    ) -> dict[str, Any] | None:
        """Return the settings of a function; None where it cannot be deployed here."""
        handler, runtime = function.text("handler"), function.text("runtime")
        supported = self._runtimes.find_supported(runtime)
        if not handler or supported is None:
            reason = f"{runtime or 'an image'} is no runtime here"
            self._leave_out(function, reason, "Functions are in Node or Python.")
            return None
        code = function.values.get("code")
        path = os.path.relpath(code.path) if isinstance(code, StateArchive) and code.path else "."
        if sources and path not in sources:
            reason = f"its code is in {path}, and a component has one source"
            self._leave_out(function, reason, "Write a component for it, or put the code into one folder.")
            return None
        sources.setdefault(path, function.name)
        if path == ".":
            self._differ(function, "the state does not say where its code is", "Write the folder as `source`.")
        if supported != runtime:
            self._differ(function, f"{runtime} is deprecated; {supported} is used", "Try the function with it.")
        timeout = _read_whole(function.values.get("timeout"), _DEFAULT_TIMEOUT)
        if timeout > limit:
            self._differ(function, f"{timeout} seconds are {limit}, as an API waits no longer")
        sizes = {
            "memory": _read_whole(function.values.get("memorySize"), _DEFAULT_MEMORY),
            "timeout": min(timeout, limit),
        }
        variables = self._convert_variables(function)
        environment = {"environment": variables} if variables else {}
        return {"handler": handler, "runtime": supported, **sizes, **environment}

    def _convert_variables(self, function: ForeignResource) -> dict[str, str]:
        environment = function.values.get("environment")
        if environment is STATE_SECRET:
            self._left_out.append(
                Fault(function.place, "its variables are encrypted as a whole", "Write `environment`.", self._file)
            )
        written = environment.get("variables") if isinstance(environment, dict) else None
        variables: dict[str, str] = {}
        for name, value in written.items() if isinstance(written, dict) else ():
            if is_reserved_name(name):
                reason = f"{name}: names with this beginning belong to the cloud, or to this tool"
                self._left_out.append(Fault(function.place, reason, "", self._file))
            elif isinstance(value, str) and is_plain_text(name, value):
                variables[name] = value
            elif isinstance(value, str) and "${" in value:
                reason = f"{name} has text that this tool would take for a reference"
                self._left_out.append(Fault(function.place, reason, "Write the value.", self._file))
            else:
                variable, variables[name] = name_secret(name)
                self._required[variable] = f"the value that {name} of {function.name} has"
        return variables

    def _convert_workers(self) -> dict[str, Any] | None:
        queues: dict[str, Any] = {}
        topics: dict[str, Any] = {}
        functions: dict[str, Any] = {}
        sources: dict[str, str] = {}
        for caller, target, trigger in self._list_triggers():
            function = self._functions.get(_find_function_name(target))
            if function is None:
                self._leave_out(caller, "calls no function of the stack")
                continue
            settings = self._convert_function(function, sources)
            if settings is None:
                continue
            self._used |= {caller.urn, function.urn}
            name = to_component_name(function.name) or "function"
            numbered = (name if number == 1 else f"{name[:36]}-{number}" for number in count(1))
            functions[next(one for one in numbered if one not in functions)] = {**settings, "trigger": trigger}
            queues |= {trigger["queue"]: self._read_queue(trigger["queue"])} if "queue" in trigger else {}
            topics |= {trigger["topic"]: {}} if "topic" in trigger else {}
        if not functions:
            return None
        source = next(iter(sources), ".")
        return {"type": "functions", "source": source, "queues": queues, "topics": topics, "functions": functions}

    def _list_triggers(self) -> list[tuple[ForeignResource, str, dict[str, Any]]]:
        """Return what calls functions: the resource, the function and the trigger."""
        found: list[tuple[ForeignResource, str, dict[str, Any]]] = []
        queues = {each.text("arn"): each for each in self._stack.of_type(_QUEUE)}
        topics = {each.text("arn"): each for each in self._stack.of_type(_TOPIC)}
        for each in self._stack.of_type(_MAPPING):
            if queue := queues.get(each.text("eventSourceArn")):
                batch = {"batch": each.values["batchSize"]} if isinstance(each.values.get("batchSize"), int) else {}
                found.append((each, each.text("functionName"), {"queue": _name_of(queue), **batch}))
                self._used.add(queue.urn)
                self._differ(each, f"gets a new queue '{_name_of(queue)}'", "Let senders use it.")
        for each in self._stack.of_type(_SUBSCRIPTION):
            topic = topics.get(each.text("topic"))
            if topic and each.text("protocol") == "lambda" and not each.values.get("filterPolicy"):
                found.append((each, each.text("endpoint"), {"topic": _name_of(topic)}))
                self._used.add(topic.urn)
                reason = f"gets a new topic '{_name_of(topic)}', and messages in the form of SQS"
                self._differ(each, reason, "Change the handler: docs/messaging.md#what-handlers-get")
        for each, target, expression, zone in self._list_schedules():
            try:
                found.append((each, target, {"schedule": translate_schedule(expression), **zone}))
            except ValueError as error:
                self._leave_out(each, f"{expression} {error}", "Write a `schedule` with the five fields of cron.")
        return found

    def _list_schedules(self) -> list[tuple[ForeignResource, str, str, dict[str, str]]]:
        listed: list[tuple[ForeignResource, str, str, dict[str, str]]] = []
        for each in self._stack.of_type(_SCHEDULE):
            target = each.values.get("target")
            zone = each.text("scheduleExpressionTimezone")
            arn = str(target.get("arn", "")) if isinstance(target, dict) else ""
            listed.append((each, arn, each.text("scheduleExpression"), {"time_zone": zone} if zone else {}))
        targets = self._stack.of_type(_TARGET)
        for rule in self._stack.of_type(_RULE):
            for target in (each for each in targets if each.text("rule") in (rule.id, rule.text("name"))):
                if expression := rule.text("scheduleExpression"):
                    self._used.add(rule.urn)
                    listed.append((target, target.text("arn"), expression, {}))
        return listed

    def _read_queue(self, name: str) -> dict[str, Any]:
        queue = next(each for each in self._stack.of_type(_QUEUE) if _name_of(each) == name)
        written: dict[str, Any] = {}
        try:
            redrive = json.loads(queue.text("redrivePolicy") or "{}")
        except ValueError:
            redrive = {}
        if isinstance(redrive, dict) and isinstance(redrive.get("maxReceiveCount"), int):
            written["max_deliveries"] = redrive["maxReceiveCount"]
        if isinstance(seconds := queue.values.get("visibilityTimeoutSeconds"), int):
            written["lock_s"] = seconds
        if isinstance(seconds := queue.values.get("messageRetentionSeconds"), int):
            written["retention_days"] = max(1, round(seconds / 86_400))
        if queue.values.get("fifoQueue") is True:
            written["ordered"] = True
        return written

    def _list_unused(self) -> None:
        for resource in self._stack.resources:
            is_internal = resource.type.startswith("pulumi:") or resource.type in _MADE_ANEW
            if resource.urn not in self._used and not is_internal:
                hint = _HINTS.get(resource.type, _OTHER_HINT)
                self._left_out.append(Fault(resource.place, f"is not taken over ({resource.id})", hint, self._file))


def _list_function_names(function: ForeignResource) -> set[str]:
    return {name for name in (function.text("name"), function.id) if name}


def _find_function_name(reference: str) -> str:
    """Return the function that an ARN, the address of its invocation or a name refers to."""
    _, marker, rest = reference.partition(":function:")
    return rest.split("/", 1)[0].split(":", 1)[0] if marker else reference


def _name_of(resource: ForeignResource) -> str:
    return to_component_name(resource.name.removesuffix(".fifo")) or "imported"


def _read_whole(value: Any, default: int) -> int:
    return int(value) if isinstance(value, int | float) else default


def _write_routes(key: str, function: str, *, is_open: bool) -> list[dict[str, Any]]:
    """Return the routes of a key such as `GET /orders`; `$default` is every path."""
    if key == "$default":
        return [{"path": path, "function": function, "is_open": is_open} for path in ("/", "/{path+}")]
    method, _, path = key.partition(" ")
    methods = {} if method in ("ANY", "") else {"methods": method}
    return [{"path": path, **methods, "function": function, "is_open": is_open}]


def _read_cors(cors: Any) -> dict[str, Any]:
    if not isinstance(cors, dict):
        return {"origins": []}
    pairs = {
        "origins": cors.get("allowOrigins") or [],
        "methods": cors.get("allowMethods"),
        "headers": cors.get("allowHeaders"),
        "credentials": cors.get("allowCredentials") or None,
        "max_age": cors.get("maxAge") or None,
    }
    return {key: value for key, value in pairs.items() if value is not None}
