"""Replaces `azure.functions`, which Azure's worker provides: requests, messages and timers of its model v2.

Written from its documentation, and compared with the real library by a contract test. A package that contains the real
library uses that one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import Enum
from types import MappingProxyType
from typing import Any

_NOT_SIMULATED = (
    "azure.functions.{} is not simulated on this machine; name azure-functions in requirements.txt to run it here"
)
Function = Callable[..., Any]


def __getattr__(name: str) -> Any:
    raise AttributeError(_NOT_SIMULATED.format(name))


class AuthLevel(Enum):
    """The key that a request needs."""

    FUNCTION = "function"
    ANONYMOUS = "anonymous"
    ADMIN = "admin"


class HttpMethod(Enum):
    GET = "GET"
    POST = "POST"
    DELETE = "DELETE"
    HEAD = "HEAD"
    PATCH = "PATCH"
    PUT = "PUT"
    OPTIONS = "OPTIONS"


class Context:
    """The type of a function's argument `context`."""

    function_name: str
    function_directory: str
    invocation_id: str


class Out:
    """The type of a parameter of model v1 through which a function sets an output."""

    def __class_getitem__(cls, item: Any) -> Any:
        return cls


class RequestHeaders(Mapping[str, str]):
    """Maps header names to values, ignoring case."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._values = {name.lower(): value for name, value in headers.items()}

    def __getitem__(self, name: str) -> str:
        return self._values[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


class ResponseHeaders:
    """Headers in order; names may repeat."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._pairs = [*headers.items()]

    def add(self, name: str, value: str) -> None:
        self._pairs.append((name, value))

    def get_all(self, name: str) -> list[str]:
        return [value for key, value in self._pairs if key.lower() == name.lower()]

    def get(self, name: str, default: str | None = None) -> str | None:
        """Return the first value of a name."""
        return next(iter(self.get_all(name)), default)

    def items(self) -> list[tuple[str, str]]:
        return [*self._pairs]

    def __contains__(self, name: str) -> bool:
        return bool(self.get_all(name))

    def __getitem__(self, name: str) -> str:
        return self.get_all(name)[0]

    def __setitem__(self, name: str, value: str) -> None:
        self._pairs = [pair for pair in self._pairs if pair[0].lower() != name.lower()] + [(name, value)]


class HttpRequest:
    def __init__(  # the library's own signature
        self, method: str, url: str, *, body: bytes, headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None, route_params: Mapping[str, str] | None = None,
    ) -> None:  # fmt: skip
        self.method = method.upper()
        self.url = url
        self.headers = RequestHeaders(headers or {})
        self.params = MappingProxyType({**(params or {})})
        self.route_params = MappingProxyType({**(route_params or {})})
        self._body = body

    def get_body(self) -> bytes:
        return self._body

    def get_json(self) -> Any:
        """Parse the body as JSON; raises ValueError."""
        return json.loads(self._body.decode("utf-8"))


class HttpResponse:
    def __init__(  # as above
        self, body: str | bytes | None = None, *, status_code: int | None = None,
        headers: Mapping[str, str] | None = None, mimetype: str | None = None, charset: str | None = None,
    ) -> None:  # fmt: skip
        if not isinstance(body, (str, bytes, bytearray, type(None))):
            raise TypeError(f"response is expected to be either of str, bytes, or bytearray, got {type(body).__name__}")
        self.status_code = int(status_code or 200)
        self.mimetype = mimetype or "text/plain"
        self.charset = charset or "utf-8"
        self.headers = ResponseHeaders(headers or {})
        self._body = body.encode(self.charset) if isinstance(body, str) else bytes(body or b"")

    def get_body(self) -> bytes:
        return self._body


class ServiceBusMessage:
    """The type of an argument that gets a message of Service Bus; the host makes it."""

    message_id: str


class TimerRequest:
    """The type of an argument that gets a tick of a timer; the host makes it."""

    past_due: bool


class EventTrigger:
    """How messages or ticks reach a function; `facts` are what the decorator was given."""

    auth_level = "anonymous"  # of requests alone

    def __init__(self, kind: str, name: str, facts: Mapping[str, Any]) -> None:
        self.kind, self.name, self.facts = kind, name, facts

    def get_binding_name(self) -> str:
        return self.kind


class HttpTrigger:
    """How HTTP requests reach a function."""

    def __init__(self, name: str, route: str | None, methods: Iterable[Any] | None, auth_level: Any) -> None:
        self.name, self.route, self.methods, self.auth_level = name, route, methods, auth_level

    def get_binding_name(self) -> str:
        return "httpTrigger"


class Registered:
    """A function of the app with its trigger."""

    def __init__(self, function: Function) -> None:
        self._function, self.name = function, function.__name__
        self.trigger: HttpTrigger | EventTrigger | None = None

    def get_function_name(self) -> str:
        return self.name

    def get_user_function(self) -> Function:
        return self._function

    def get_trigger(self) -> HttpTrigger | EventTrigger | None:
        return self.trigger

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        return self._function(*arguments, **named)


class Blueprint:
    """Functions that an app can register."""

    def __init__(self) -> None:
        self._registered: list[Registered] = []

    def route(  # the library's own signature
        self, route: str | None = None, trigger_arg_name: str = "req", binding_arg_name: str = "$return",
        methods: Iterable[Any] | None = None, auth_level: Any = None,
    ) -> Callable[[Any], Registered]:  # fmt: skip
        """Decorate a function so that it answers HTTP requests."""

        def register(function: Any) -> Registered:
            registered = self._register(function)
            registered.trigger = HttpTrigger(trigger_arg_name, route, methods, auth_level)
            return registered

        return register

    def service_bus_queue_trigger(self, arg_name: str, **facts: Any) -> Callable[[Any], Registered]:
        """Decorate a function so that it gets the messages of a queue."""
        return self._register_event("serviceBusTrigger", arg_name, facts)

    def service_bus_topic_trigger(self, arg_name: str, **facts: Any) -> Callable[[Any], Registered]:
        """Decorate a function so that it gets the messages of a subscription."""
        return self._register_event("serviceBusTrigger", arg_name, facts)

    def timer_trigger(self, arg_name: str, **facts: Any) -> Callable[[Any], Registered]:
        """Decorate a function so that a timer calls it."""
        return self._register_event("timerTrigger", arg_name, facts)

    def _register_event(self, kind: str, name: str, facts: Mapping[str, Any]) -> Callable[[Any], Registered]:
        def register(function: Any) -> Registered:
            registered = self._register(function)
            registered.trigger = EventTrigger(kind, name, facts)
            return registered

        return register

    def function_name(self, name: str) -> Callable[[Any], Registered]:
        """Decorate a function to give it another name."""

        def rename(function: Any) -> Registered:
            registered = self._register(function)
            registered.name = name
            return registered

        return rename

    def _register(self, function: Any) -> Registered:
        if isinstance(function, Registered):
            return function
        self._registered.append(Registered(function))
        return self._registered[-1]

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(_NOT_SIMULATED.format(f"{type(self).__name__}.{name}"))


class FunctionApp(Blueprint):
    """The functions that the worker finds in `function_app.py`."""

    def __init__(self, http_auth_level: Any = AuthLevel.FUNCTION) -> None:
        super().__init__()
        self.auth_level = AuthLevel[http_auth_level] if isinstance(http_auth_level, str) else http_auth_level

    def register_functions(self, blueprint: Blueprint) -> None:
        self._registered.extend(blueprint._registered)

    register_blueprint = register_functions

    def get_functions(self) -> list[Registered]:
        """Return every function that has a trigger."""
        found = [registered for registered in self._registered if registered.trigger]
        for registered in found:
            if registered.trigger and registered.trigger.auth_level is None:
                registered.trigger.auth_level = self.auth_level
        return found
