"""PythonEDA's rules of dispatch, ports and applications, for tests where it is not installed.

Its peculiarities are kept: events are dispatched by exact class, `@classmethod` must be outside `@listen`, a listener
without a method for an event raises TypeError, what a listener returns is dispatched and emitted, an adapter is enabled
once for its module, emitters are created for each event, and events are equal if their primary keys are.
"""

from __future__ import annotations

import abc
import argparse
import asyncio
import importlib
import inspect
import json
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime
from typing import Any, ClassVar, TypeVar
from uuid import uuid4

ClassT = TypeVar("ClassT", bound=type)


class BaseObject:
    """What has a class name to be logged with."""

    @classmethod
    def full_class_name(cls) -> str:
        return f"{cls.__module__}.{cls.__name__}"


class Event(BaseObject, abc.ABC):
    """An event; its time is local and has no offset. `fields` become JSON, `primary_key` decides equality."""

    fields: ClassVar[tuple[str, ...]] = ()
    primary_key: ClassVar[tuple[str, ...]] = ()
    is_error = False

    def __init__(self, previous_event_ids: list[str] | None = None, id_: str | None = None) -> None:
        self.id = id_ or str(uuid4())
        self.created = datetime.now()
        self.previous_event_ids = previous_event_ids or []

    async def maybe_trigger(self) -> list[Any]:
        return []

    @classmethod
    def sensitive_attributes(cls) -> list[str]:
        """Return the attributes that must not be shown."""
        return []

    def to_json(self) -> str:
        """Return the JSON that is sent elsewhere."""
        internal = {"previous_event_ids": self.previous_event_ids, "created": self.created.isoformat()}
        own = {name: getattr(self, name) for name in self.fields}
        return json.dumps({"id": self.id, **own, "_internal": internal | {"class": self.full_class_name()}})

    @classmethod
    def from_json(cls, text: str) -> Event | None:
        """Return an event without its causes and its time; None where the class needs arguments."""
        try:
            event = cls()
        except TypeError:
            return None
        for name, value in json.loads(text).items():
            if name in ("id", *cls.fields):
                setattr(event, name, value)
        return event

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, type(self)):
            return False
        return all(getattr(self, name) == getattr(other, name) for name in self.primary_key)

    def __hash__(self) -> int:
        return hash(tuple(getattr(self, name) for name in self.primary_key) or (self.id,))


class Port(abc.ABC):  # noqa: B024  # as PythonEDA's
    """An interface of the domain whose adapters an application enables."""

    @classmethod  # noqa: B027  # adapters may have no settings
    def enable(cls, *args: Any, **kwargs: Any) -> None:
        """Take settings."""

    @classmethod
    def instantiate(cls) -> Any:
        return cls()


class PrimaryPort(Port, abc.ABC):
    """Gives an application its input."""

    @classmethod
    async def configure(cls) -> None:
        """Prepare the input."""

    @abc.abstractmethod
    async def entrypoint(self, app: Any) -> None:
        """Give the application its input."""

    @classmethod
    def priority(cls) -> int:
        return 100


_marked: dict[Any, type] = {}
_listeners: dict[type, list[type]] = defaultdict(list)
_methods: dict[type, dict[type, Callable[..., Awaitable[Any]]]] = defaultdict(dict)


def listen(event_class: type) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Mark a function as the listener for events of exactly this class."""

    def mark(function: Callable[..., Any]) -> Callable[..., Any]:
        _marked[function] = event_class
        return function

    return mark


class EventListener(BaseObject, abc.ABC):
    """Its subclasses listen from their definition on, with class methods alone."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for attribute in vars(cls).values():
            if isinstance(attribute, classmethod) and attribute.__func__ in _marked:
                event_class = _marked[attribute.__func__]
                _methods[cls][event_class] = attribute.__func__
                if cls not in _listeners[event_class]:
                    _listeners[event_class].append(cls)

    @classmethod
    def listeners_for(cls, event_class: type) -> list[type]:
        return [each for each in _listeners[event_class] if not inspect.isabstract(each)]

    @classmethod
    async def accept(cls, event: Any) -> list[Any]:
        """Return what the listener returned as a list; its exception stops the other listeners."""
        method = _methods[cls].get(type(event))
        if method is None:
            raise TypeError("full_class_name() takes 1 positional argument but 2 were given")
        result = await method(cls, event)
        if result is None:
            return []
        return result if isinstance(result, list) else [result]


class EventEmitter(BaseObject, Port, abc.ABC):
    """Emits events; what overrides `emit` and calls it gives the event to the application again."""

    receivers: ClassVar[list[Any]] = []

    async def emit(self, event: Any) -> None:
        for receiver in EventEmitter.receivers:
            await receiver.accept(event)


class Ports:
    """The adapters of the running application."""

    mappings: ClassVar[dict[type, list[Any]]] = {}

    @classmethod
    def instance(cls) -> Ports:
        return cls()

    def resolve(self, port: type) -> list[Any]:
        """Return a new instance of each adapter."""
        return [adapter.instantiate() for adapter in self.mappings.get(port, [])]

    def resolve_first(self, port: type) -> Any:
        return next(iter(self.resolve(port)), None)


class Invariant:
    """A value of the running application."""

    def __init__(self, value: Any) -> None:
        self.value = value


class Invariants:
    """What holds for everything in the application."""

    bound: ClassVar[dict[str, Invariant]] = {}

    @classmethod
    def instance(cls) -> Invariants:
        return cls()

    def apply(self, invariant_type: str, target: Any = None) -> Invariant | None:
        return self.bound.get(invariant_type)


class PythonedaApplication(abc.ABC, BaseObject):
    """An application, known by its name."""

    invariant_type = "pythoneda.shared.PythonedaApplication"

    def __init__(self, name: str) -> None:
        self.name = name
        Invariants.bound[self.invariant_type] = Invariant(self)


class PythonEDA(PythonedaApplication):
    """Binds enabled adapters to ports, and dispatches events."""

    enabled_modules: ClassVar[list[Any]] = []
    domain_ports: ClassVar[tuple[type, ...]] = (EventEmitter,)

    def __init__(self, name: str, banner: Any = None, file: str = __file__) -> None:
        super().__init__(name)
        self.load_all_packages()
        self.tasks: list[asyncio.Task[Any]] = []
        ports = (PrimaryPort, *self.domain_ports)
        Ports.mappings = {port: _find_adapters(port, self.enabled_modules) for port in ports}
        EventEmitter.receivers.append(self)

    def load_all_packages(self) -> None:
        """Execute every package on the path; here nothing is."""

    def load_module_recursive(self, name: str) -> None:
        """Import a package with everything in it; here it is there already."""

    @classmethod
    async def main(cls, name: str) -> Any:
        """Start the application and return it once its primary ports are done."""
        application = cls(name)
        await application.accept_input()
        return application

    async def accept_input(self) -> None:
        """Configure every primary port, and enter each by its priority."""
        classes = sorted(Ports.mappings[PrimaryPort], key=lambda port: port.priority())
        instances = [each() for each in classes]
        for each in instances:
            await each.configure()
        for each in instances:
            await each.entrypoint(self)

    async def accept(self, event_or_events: Any) -> list[Any]:
        """Dispatch events and what their listeners return, which is emitted as well; a model is iterated over."""
        result: list[Any] = []
        events = event_or_events if isinstance(event_or_events, Iterable) else [event_or_events]
        for event in events:
            for listener in EventListener.listeners_for(type(event)):
                returned = await listener.accept(event)  # type: ignore[attr-defined]  # a class of listeners
                self.tasks += [asyncio.create_task(self.emit(each)) for each in returned]
                _extend_missing(result, returned)
            _extend_missing(result, await event.maybe_trigger())
        further: list[Any] = []
        for each in result:
            _extend_missing(further, await self.accept(each))
        _extend_missing(result, further)
        return result

    @staticmethod
    async def emit(event: Any) -> None:
        for emitter in Ports.instance().resolve(EventEmitter):
            await emitter.emit(event)


def enable(adapter: type, *args: Any, **kwargs: Any) -> Callable[[ClassT], ClassT]:
    """Enable an adapter, and with it every other one of its module: those get no settings."""

    def decorate(cls: ClassT) -> ClassT:
        module = importlib.import_module(adapter.__module__)
        if module not in PythonEDA.enabled_modules:
            adapter.enable(*args, **kwargs)  # type: ignore[attr-defined]  # a port
            PythonEDA.enabled_modules.append(module)
        return cls

    return decorate


class CliHandler(PrimaryPort, BaseObject, abc.ABC):
    """A sub-command; the parser is one for all, and the first handler that is entered calls the chosen one."""

    parser: ClassVar[argparse.ArgumentParser]
    subparsers: ClassVar[Any]
    arguments: ClassVar[list[str]] = []
    has_been_handled: ClassVar[bool] = False

    def __init__(self, description: str, scope: str | None = None) -> None:
        self.description, self.scope = description, scope

    async def configure(self) -> None:  # type: ignore[override]  # PythonEDA overrides the class method so
        parser = CliHandler.subparsers.add_parser(self.scope, help=self.description)
        self.add_arguments(parser)
        parser.set_defaults(func=self.handle)

    async def entrypoint(self, app: Any) -> None:
        if not CliHandler.has_been_handled:
            CliHandler.has_been_handled = True
            arguments, _ = CliHandler.parser.parse_known_args(CliHandler.arguments)
            await arguments.func(app, arguments)

    @abc.abstractmethod
    def add_arguments(self, parser: argparse.ArgumentParser) -> None: ...

    @abc.abstractmethod
    async def handle(self, app: Any, args: argparse.Namespace) -> None: ...


def reset_framework(arguments: list[str]) -> None:
    """Forget every application, adapter and listener; the command line is this one."""
    for registry in (_marked, _listeners, _methods, Invariants.bound, Ports.mappings):
        registry.clear()
    EventEmitter.receivers.clear()
    PythonEDA.enabled_modules.clear()
    CliHandler.parser = argparse.ArgumentParser(conflict_handler="resolve")
    CliHandler.subparsers = CliHandler.parser.add_subparsers(title="Events", dest="event", required=True)
    CliHandler.arguments, CliHandler.has_been_handled = arguments, False


def _find_adapters(port: type, modules: Iterable[Any]) -> list[type]:
    found = [
        member
        for module in modules
        for _, member in inspect.getmembers(module, inspect.isclass)
        if issubclass(member, port) and member is not port and abc.ABC not in member.__bases__
    ]
    return list(dict.fromkeys(found))


def _extend_missing(first: list[Any], second: Iterable[Any]) -> None:
    for each in second:
        if each not in first:
            first.append(each)
