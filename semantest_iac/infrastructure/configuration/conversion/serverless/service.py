"""Makes a configuration of a Serverless Framework service for AWS.

Functions with routes become one REST API, those that are called by schedules, queues and topics a component `workers`,
and one handler of all routes of a WebSocket API a component `websocket`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

from semantest_iac.domain.environments.names import make_printable
from semantest_iac.domain.environments.runtimes import FunctionRuntime
from semantest_iac.domain.errors import ConfigurationError, Fault
from semantest_iac.domain.ports.service_finder import ConvertedConfiguration
from semantest_iac.infrastructure.configuration.conversion.notes import ConversionNotes, to_component_name
from semantest_iac.infrastructure.configuration.conversion.runtime_choice import RuntimeChoice
from semantest_iac.infrastructure.configuration.conversion.serverless.environment import (
    EnvironmentConverter,
    drop_repeated,
)
from semantest_iac.infrastructure.configuration.conversion.serverless.routes import HTTP_PAYLOAD, RouteConverter
from semantest_iac.infrastructure.configuration.conversion.serverless.settings import (
    note_plugins,
    note_unused_keys,
    translate_package,
)
from semantest_iac.infrastructure.configuration.conversion.serverless.triggers import TriggerConverter
from semantest_iac.infrastructure.configuration.conversion.serverless.variables import (
    DEFAULT_REGION,
    ServerlessVariables,
    UnresolvedValue,
    require_mapping,
)
from semantest_iac.infrastructure.configuration.conversion.source_documents import SourceDocument, read_source_document
from semantest_iac.infrastructure.configuration.layers import KeyPath

DEFAULT_MEMORY, DEFAULT_TIMEOUT = 1024, 6
_LONGEST_REQUEST = 29  # seconds
_WSGI_HANDLER = "wsgi_handler.handler"
_ROUTE_KINDS = ("http", "httpApi")


def convert_serverless_service(
    file: Path,
    options: Mapping[str, str],
    environment: Mapping[str, str],
    runtimes: Sequence[FunctionRuntime],
    today: date,
) -> ConvertedConfiguration:
    """Read the file and those that it names; raises ConfigurationError where it is no such service.

    `options` are those that the service would be deployed with, `stage` and `region` among them.
    """
    document = read_source_document(file)
    require_mapping(document)
    variables = ServerlessVariables(document, file.parent, options, environment)
    try:
        return _ServiceConverter(document, file.parent, variables, RuntimeChoice(runtimes, today)).convert()
    except RecursionError as error:
        message = f"{document.name} has variables that contain each other."
        raise ConfigurationError(message, hint="Look for ${self:…} inside of what it names.") from error


class _SocketRoute(NamedTuple):
    """A route of a WebSocket API: its function, its place, and whether it has an authorizer."""

    function: str
    place: KeyPath
    is_guarded: bool


class _ServiceConverter:
    """One conversion: reads each part of the document once, and puts the components together."""

    def __init__(
        self, document: SourceDocument, folder: Path, variables: ServerlessVariables, runtimes: RuntimeChoice
    ) -> None:
        self._document = document
        self._folder = folder
        self._variables = variables
        self._runtimes = runtimes
        self._notes = ConversionNotes(document)
        self._environment = EnvironmentConverter(self._notes, variables)
        self._provider = self._read_provider()
        self._places: dict[str, KeyPath] = {}
        resources = self._read_resources()
        self._routes = RouteConverter(self._notes, self._provider)
        self._triggers = TriggerConverter(self._notes, resources)
        self._sockets: list[_SocketRoute] = []
        self._functions: dict[str, dict[str, Any]] = {}
        self._common: dict[str, Any] = {}

    def convert(self) -> ConvertedConfiguration:
        values = self._document.values
        note_unused_keys(self._notes, "service", values, ())
        note_unused_keys(self._notes, "provider", self._provider, ("provider",))
        note_plugins(self._notes, values.get("plugins"))
        self._common = self._read_common()
        for name, function, path in self._list_functions():
            self._convert_function(name, function, path)
        self._triggers.list_unused(self._places)
        components = {**self._build_api(), **self._build_workers(), **self._build_websocket()}
        written = {
            "project": self._name_project(),
            "provider": "aws",
            **({} if self._variables.region == DEFAULT_REGION else {"region": self._variables.region}),
            **self._read_features(),
            "components": components,
        }
        return ConvertedConfiguration(written, self._notes.left_out, self._notes.differs, self._environment.required)

    def _read_provider(self) -> dict[str, Any]:
        written = self._document.values.get("provider")
        provider = {"name": written} if isinstance(written, str) else self._as_mapping(written)
        name = provider.get("name")
        if name != "aws":
            shown = f"'{make_printable(str(name), 40)}'" if name else "no cloud"
            fault = self._fault(("provider",), f"is for {shown}", "Services for aws can be read.")
            raise ConfigurationError("Cannot import this service.", faults=[fault])
        resolvable = {key: value for key, value in provider.items() if key != "environment"}
        return {**self._as_mapping(self._variables.resolve(resolvable)), "environment": provider.get("environment")}

    def _read_resources(self) -> dict[str, Any]:
        """Return the resources of all parts of the section, which may be a list of files."""
        written = self._variables.resolve(self._document.values.get("resources"))
        resources: dict[str, Any] = {}
        for index, part in enumerate(written if isinstance(written, list) else [written]):
            path: KeyPath = ("resources", index) if isinstance(written, list) else ("resources",)
            if isinstance(part, UnresolvedValue):
                self._notes.leave_out(path, f"{part.expression} {part.reason}", "Look at what it has.")
            own = self._as_mapping(self._as_mapping(part).get("Resources"))
            resources |= own
            self._places |= {name: (*path, "Resources", name) for name in own}
            for key in self._as_mapping(part).keys() - {"Resources"}:
                self._notes.leave_out((*path, key), f"{key} of CloudFormation's template have no place here")
        return resources

    def _fault(self, path: KeyPath, message: str, hint: str) -> Fault:
        return Fault(".".join(map(str, path)), message, hint, self._document.name, self._document.find_line(path))

    def _name_project(self) -> str:
        service = self._variables.resolve(self._document.values.get("service"))
        name = service.get("name") if isinstance(service, dict) else service
        return to_component_name(str(name or "")) or to_component_name(self._folder.resolve().name) or "imported"

    def _read_common(self) -> dict[str, Any]:
        """Return what all components have of the provider's settings."""
        provider = self._provider
        common: dict[str, Any] = {"source": os.path.relpath(self._folder)}
        if package := translate_package(self._notes, self._variables.resolve(self._document.values.get("package"))):
            common["package"] = package
        if runtime := self._choose_runtime(provider.get("runtime"), ("provider", "runtime")):
            common["runtime"] = runtime
        common["memory"] = self._read_number(provider, "memorySize", ("provider",)) or DEFAULT_MEMORY
        common["timeout"] = self._read_number(provider, "timeout", ("provider",)) or DEFAULT_TIMEOUT
        if environment := self._environment.translate(provider.get("environment"), ("provider", "environment")):
            common["environment"] = environment
        return common

    def _read_features(self) -> dict[str, Any]:
        provider = self._provider
        features: dict[str, Any] = {}
        tags = {**self._as_mapping(provider.get("stackTags")), **self._as_mapping(provider.get("tags"))}
        if texts := {name: value for name, value in tags.items() if isinstance(value, str)}:
            features["tags"] = texts
        if self._as_mapping(provider.get("tracing")).get("lambda"):
            features["features"] = {"tracing": True}
        if isinstance(provider.get("logRetentionInDays"), int):
            features["monitoring"] = {"log_retention_days": provider["logRetentionInDays"]}
        return features

    def _list_functions(self) -> Iterator[tuple[str, dict[str, Any], KeyPath]]:
        """Yield the functions with their places; a list of mappings is one mapping."""
        written = self._document.values.get("functions")
        parts = list(enumerate(written)) if isinstance(written, list) else [(None, written)]
        for index, part in parts:
            path: KeyPath = ("functions",) if index is None else ("functions", index)
            functions = self._variables.resolve(part, keep_environment=True) if isinstance(part, str) else part
            if not isinstance(functions, dict):
                if functions is not None:
                    self._notes.leave_out(path, "functions that a program makes are not known", "Write `functions`.")
                continue
            for name, function in functions.items():
                yield name, self._as_mapping(function), (*path, name)

    def _convert_function(self, name: str, written: dict[str, Any], path: KeyPath) -> None:
        variables = self._environment.translate(written.get("environment"), (*path, "environment"))
        function = self._as_mapping(
            self._variables.resolve({key: value for key, value in written.items() if key != "environment"})
        )
        note_unused_keys(self._notes, "functions", function, path)
        settings = self._read_start(function, path)
        if settings is None:
            return
        if own := drop_repeated(variables, self._common.get("environment", {})):
            settings["environment"] = own
        key = self._find_free_name(to_component_name(name) or "function")
        self._functions[key] = settings
        self._convert_events(key, function.get("events"), path)

    def _read_start(self, function: dict[str, Any], path: KeyPath) -> dict[str, Any] | None:
        """Return how a function starts and its sizes; None where it cannot be deployed."""
        runtime = function.get("runtime") or self._provider.get("runtime")
        if isinstance(runtime, str) and self._runtimes.find_supported(runtime) is None:
            self._notes.leave_out(path, f"{runtime} is no runtime here", "Functions are in Node or Python.")
            return None
        handler = function.get("handler")
        if not isinstance(handler, str):
            self._notes.leave_out(path, "has no handler in a file", "Functions of images are not deployed.")
            return None
        start = {"handler": _write_handler(handler, str(runtime))}
        if handler == _WSGI_HANDLER and (application := self._find_wsgi_application()):
            start = {"app": application}
        own_runtime = self._choose_runtime(function.get("runtime"), (*path, "runtime"))
        sizes = {
            "runtime": own_runtime if own_runtime != self._common.get("runtime") else None,
            "memory": self._read_number(function, "memorySize", path),
            "timeout": self._read_number(function, "timeout", path),
        }
        return {**start, **{key: value for key, value in sizes.items() if value is not None}}

    def _find_wsgi_application(self) -> str:
        custom = self._as_mapping(self._variables.resolve(self._document.values.get("custom")))
        application = self._as_mapping(custom.get("wsgi")).get("app")
        module, _, attribute = application.rpartition(".") if isinstance(application, str) else ("", "", "")
        return f"{module.replace('/', '.')}:{attribute}" if module else ""

    def _convert_events(self, key: str, events: Any, path: KeyPath) -> None:
        listed = [event for event in events if event] if isinstance(events, list) else []
        if not listed:
            hint = "Give it a route or a trigger; functions call each other with `calls` (docs/calls.md)."
            self._notes.leave_out(path, "nothing calls it, but calls by its name, which are not copied", hint)
        for index, event in enumerate(listed):
            kind, settings = next(iter(event.items())) if isinstance(event, dict) else (str(event), None)
            place = (*path, "events", index)
            if kind in _ROUTE_KINDS:
                self._routes.add(key, kind, settings, place)
            elif kind == "websocket":
                is_guarded = isinstance(settings, dict) and bool(settings.get("authorizer"))
                self._sockets.append(_SocketRoute(key, place, is_guarded=is_guarded))
            else:
                self._triggers.add(key, kind, settings, place)

    def _build_api(self) -> dict[str, Any]:
        converted = self._routes.finish()
        if not converted.routes:
            return {}
        payloads = sorted(set(converted.payloads))
        api: dict[str, Any] = {**self._limit(self._common, ("provider", "timeout")), **self._read_network()}
        if payloads == ["1.0"]:
            api["payload"] = "1.0"
        functions: dict[str, Any] = {}
        for route, payload in zip(converted.routes, converted.payloads, strict=True):
            route["function"] = self._add_api_function(functions, route["function"], payload, payloads)
        routes = list(_write_wildcards(converted.routes))
        if len(functions) == 1 and converted.routes == [{"path": "*", "function": next(iter(functions))}]:
            api.update(_without_defaults(next(iter(functions.values())), api))
        else:
            api.update(functions=functions, routes=routes)
        api["cors"] = converted.cors or {"origins": []}
        if converted.authorizer:
            api["authorizer"] = converted.authorizer
        if payloads[0] == "1.0":
            reason = "addresses here have no stage, such as /dev, before the path"
            self._notes.differ(("functions",), reason, "Give clients the new address: `semantest-iac open`.")
        return {"rest-api": api}

    def _add_api_function(self, functions: dict[str, Any], name: str, payload: str, payloads: list[str]) -> str:
        """Add the function under a name of its own for each form of events, and return that name."""
        settings = self._limit(self._functions[name], ("functions", name))
        if len(payloads) == 1 or payload == HTTP_PAYLOAD:
            functions[name] = settings
            return name
        other = f"{name[:31]}-rest-api"
        functions[other] = {**settings, "payload": payload}
        return other

    def _limit(self, settings: Mapping[str, Any], path: KeyPath) -> dict[str, Any]:
        if settings.get("timeout", 0) <= _LONGEST_REQUEST:
            return dict(settings)
        self._notes.differ(path, f"{settings['timeout']} seconds are {_LONGEST_REQUEST}, as an API waits no longer")
        return {**settings, "timeout": _LONGEST_REQUEST}

    def _read_network(self) -> dict[str, Any]:
        vpc = self._as_mapping(self._provider.get("vpc"))
        subnets, groups = vpc.get("subnetIds"), vpc.get("securityGroupIds")
        if not vpc:
            return {}
        lists = [each for each in (subnets, groups) if isinstance(each, list)]
        if len(lists) != 2 or not all(isinstance(one, str) for each in lists for one in each):
            hint = "Write `network: {private: true, subnet_ids: […], security_group_ids: […]}`."
            self._notes.leave_out(("provider", "vpc"), "its subnets or groups are known to the cloud alone", hint)
            return {}
        return {"network": {"private": True, "subnet_ids": subnets, "security_group_ids": groups}}

    def _build_workers(self) -> dict[str, Any]:
        if not self._triggers.triggers:
            return {}
        functions: dict[str, Any] = {}
        for name, trigger in self._triggers.triggers:
            numbered = (name if number == 1 else f"{name[:36]}-{number}" for number in count(1))
            free = next(one for one in numbered if one not in functions)
            functions[free] = {**self._functions[name], "trigger": trigger}
        queues, topics = self._triggers.queues, self._triggers.topics
        return {
            "workers": {"type": "functions", **self._common, "queues": queues, "topics": topics, "functions": functions}
        }

    def _build_websocket(self) -> dict[str, Any]:
        names = {route.function for route in self._sockets}
        if not names:
            return {}
        handlers = {self._functions[name].get("handler") for name in names}
        reason = "a WebSocket API here has one handler, and this one has several" if len(handlers) > 1 else ""
        hint = "Write one handler that looks at requestContext.eventType: docs/configuration.md#componentswebsocket"
        if any(route.is_guarded for route in self._sockets):
            reason = "is left out, as everybody could connect: its authorizer is a function or IAM"
            hint = "Write a `websocket` with an `authorizer` of JSON web tokens, or that requires them."
        for route in self._sockets:
            if reason:
                self._notes.leave_out(route.place, reason, hint)
            else:
                advice = "Answer with semantest-send: docs/configuration.md#componentswebsocket"
                self._notes.differ(route.place, "the handler gets every message, and has no rights on the API", advice)
        settings = _without_defaults(self._functions[next(iter(names))], self._common)
        return {} if reason else {"websocket": {**self._common, **settings}}

    def _choose_runtime(self, name: Any, path: KeyPath) -> str | None:
        if not isinstance(name, str):
            return None
        supported = self._runtimes.find_supported(name)
        if supported not in (None, name):
            self._notes.differ(path, f"{name} is deprecated; {supported} is used", "Try the functions with it.")
        return supported

    def _read_number(self, values: Mapping[str, Any], key: str, path: KeyPath) -> int | None:
        value = values.get(key)
        if value is None:
            return None
        text = str(value)
        if text.isascii() and text.isdecimal():
            return int(text)
        self._notes.leave_out((*path, key), "is no number that is known here", "Write `memory` or `timeout`.")
        return None

    def _find_free_name(self, name: str) -> str:
        numbered = (name if number == 1 else f"{name[:36]}-{number}" for number in count(1))
        return next(one for one in numbered if one not in self._functions)

    @staticmethod
    def _as_mapping(value: Any) -> dict[str, Any]:
        return value if isinstance(value, dict) else {}


def _write_handler(handler: str, runtime: str) -> str:
    """Return the file and function; Python's modules may be written with dots: `src.orders.list`."""
    file, _, function = handler.removeprefix("./").rpartition(".")
    return f"{file.replace('.', '/') if runtime.startswith('python') else file}.{function}"


def _write_wildcards(routes: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield the routes; `*` becomes the root and everything below it."""
    for route in routes:
        paths = ("/", "/{path+}") if route["path"] == "*" else (route["path"],)
        yield from ({**route, "path": path} for path in paths)


def _without_defaults(settings: Mapping[str, Any], component: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of the only function as those of its component."""
    environment = {**component.get("environment", {}), **settings.get("environment", {})}
    return {**settings, **({"environment": environment} if environment else {})}
