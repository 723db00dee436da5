"""Observes how PythonEDA dispatches events: imported with the fake framework, run as a program with the real one."""

# mypy: disable-error-code="misc, untyped-decorator"

from __future__ import annotations

import asyncio
import json
import logging
import sys
from datetime import datetime
from importlib import import_module
from types import ModuleType
from typing import Any


def observe_rules() -> dict[str, Any]:
    """Return what happens, by rule; `pythoneda` is what can be imported now."""
    return asyncio.run(_observe())


async def _observe() -> dict[str, Any]:
    shared: Any = import_module("pythoneda.shared")
    application: Any = import_module("pythoneda.shared.application")
    iac: Any = import_module("pythoneda.shared.iac.events")
    request = iac.InfrastructureUpdateRequested("s", "p", "l", {"a": "b"}, ["cause"])
    observed = _observe_events(iac, request)
    observed |= await _observe_listeners(shared, iac, request)
    observed |= await _observe_application(shared, application, iac)
    return observed


def _observe_events(iac: Any, request: Any) -> dict[str, Any]:
    same_stack = iac.InfrastructureUpdateRequested("s", "p", "elsewhere")
    return {
        "a time is local and has no offset": isinstance(request.created, datetime) and request.created.tzinfo is None,
        "an id is text": isinstance(request.id, str),
        "causes are kept": request.previous_event_ids,
        "equal for the same stack": request == same_stack,
        "hashed by the stack": hash(request) == hash(same_stack),
        "ids differ": request.id != same_stack.id,
        "a given id is kept": iac.InfrastructureUpdated("s", "p", "l", {}, ["c"], "own").id,
        "failures are errors": [
            iac.InfrastructureUpdateFailed("s", "p", "l").is_error,
            iac.InfrastructureRemovalFailed("s", "p", "l").is_error,
            iac.InfrastructureUpdated("s", "p", "l", {}).is_error,
        ],
        "read from its own JSON": iac.InfrastructureUpdateRequested.from_json(request.to_json()) is None,
        "names in its JSON": sorted(json.loads(request.to_json())),
    }


async def _observe_listeners(shared: Any, iac: Any, request: Any) -> dict[str, Any]:
    class Derived(iac.InfrastructureUpdateRequested):
        pass

    class Listener(shared.EventListener):
        @classmethod
        @shared.listen(iac.InfrastructureUpdateRequested)
        async def listen_update(cls, event: Any) -> Any:
            return event

        @classmethod
        @shared.listen(iac.InfrastructureRemoved)
        async def listen_removed(cls, event: Any) -> Any:
            return None

    class Reversed(shared.EventListener):
        @shared.listen(iac.InfrastructureRemovalFailed)
        @classmethod
        async def listen_failed(cls, event: Any) -> Any:
            return event

    class OfInstances(shared.EventListener):
        @shared.listen(iac.InfrastructureRemovalFailed)
        async def listen_failed(self, event: Any) -> Any:
            return event

    def found(event_class: type) -> list[str]:
        return [each.__name__ for each in shared.EventListener.listeners_for(event_class)]

    removed = iac.InfrastructureRemoved("s", "p", "l")
    return {
        "listeners of the class": found(iac.InfrastructureUpdateRequested),
        "listeners of a derived class": found(Derived),
        "listeners with classmethod inside, or without": found(iac.InfrastructureRemovalFailed),
        "one result becomes a list": await Listener.accept(request) == [request],
        "no result becomes an empty list": await Listener.accept(removed),
        "without a listener": await _name_error(Listener.accept(iac.InfrastructureRemovalFailed("s", "p", "l"))),
    }


async def _name_error(awaitable: Any) -> str:
    try:
        await awaitable
    except Exception as error:
        return type(error).__name__
    return ""


async def _observe_application(shared: Any, application: Any, iac: Any) -> dict[str, Any]:
    log: list[str] = []
    app = _start_application(shared, application, log)
    _define_answering_listener(shared, iac, log)
    bound = shared.Invariants.instance().apply(shared.PythonedaApplication.invariant_type)
    returned = await app.accept(iac.InfrastructureRemovalRequested("s", "p", "l"))
    while log.count("heard") < 2:  # noqa: ASYNC110  # it emits in tasks that nobody can wait for
        await asyncio.sleep(0.001)
    return {
        "enabled once for a module": [line for line in log if line.startswith("enabled")],
        "returned": [type(event).__name__ for event in returned],
        "heard": log.count("heard"),
        "emitted": [line for line in log if line.startswith("emitted")],
        "an emitter for each event": log.count("emitter created"),
        "the application is bound": bound.value is app,
        "an answer names its request": len(returned[0].previous_event_ids),
    }


def _start_application(shared: Any, application: Any, log: list[str]) -> Any:
    class Emitter(shared.EventEmitter):
        def __init__(self) -> None:
            super().__init__()
            log.append("emitter created")

        async def emit(self, event: Any) -> None:
            log.append(f"emitted {type(event).__name__}")
            await super().emit(event)

    class Enabled(shared.PrimaryPort):
        @classmethod
        def enable(cls, *args: Any, **kwargs: Any) -> None:
            log.append(f"enabled with {kwargs}")

        async def entrypoint(self, app: Any) -> None:
            log.append("entered")

    class App(application.PythonEDA):
        def __init__(self, name: str) -> None:
            super().__init__(name, None, __file__)

        def load_all_packages(self) -> None:
            self.load_module_recursive("pythoneda")

    _place_in_module("pythoneda_observed_adapters", Emitter, Enabled)
    application.enable(Emitter)(App)
    application.enable(Enabled, setting=True)(App)
    return App("observed")


def _define_answering_listener(shared: Any, iac: Any, log: list[str]) -> None:
    class Answering(shared.EventListener):
        @classmethod
        @shared.listen(iac.InfrastructureRemovalRequested)
        async def listen_requested(cls, event: Any) -> Any:
            return [iac.InfrastructureUpdated("s", "p", "l", {}, [event.id])]

        @classmethod
        @shared.listen(iac.InfrastructureUpdated)
        async def listen_updated(cls, event: Any) -> None:
            log.append("heard")


def _place_in_module(name: str, *classes: type) -> None:
    """Put classes into a module of their own, in which PythonEDA looks for adapters."""
    module = ModuleType(name)
    sys.modules[name] = module
    for each in classes:
        each.__module__ = name
        setattr(module, each.__name__, each)


if __name__ == "__main__":
    logging.disable()
    sys.stdout.write(f"\n{json.dumps(observe_rules())}\n")
