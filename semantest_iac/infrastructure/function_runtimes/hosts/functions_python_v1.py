"""Loads and calls the HTTP functions of Python's programming model v1: a folder with function.json for each.

Source: Azure's developer guide for Python, model v1, and the names by which its worker loads modules.
"""

from __future__ import annotations

import asyncio
import importlib
import inspect
import json
import os
import sys
import types
from collections.abc import Callable
from typing import Any

NAMESPACE = "__app__"  # functions may import each other as `__app__.shared` or relative to their folder


class _Output:
    """The parameter through which a function sets its answer (`func.Out`)."""

    def __init__(self) -> None:
        self._value: Any = None

    def set(self, value: Any) -> None:
        self._value = value

    def get(self) -> Any:
        return self._value


class FunctionFolder:
    """One function with its bindings; its code is loaded when the app starts, as the worker does."""

    def __init__(self, name: str) -> None:
        with open(os.path.join(name, "function.json"), encoding="utf-8") as file:
            definition = json.load(file)
        bindings = definition.get("bindings") or []
        self.name = name
        self.trigger = None if definition.get("disabled") is True else _find(bindings, "httptrigger", "in")
        output = _find(bindings, "http", "out") or {}
        self.output = output.get("name", "$return")
        self._script = definition.get("scriptFile", "__init__.py")
        self._entry = definition.get("entryPoint", "main")
        self._function: Callable[..., Any] | None = None

    def load(self) -> None:
        """Import the script; raises what it raises, or ImportError without an entry point."""
        script = self._script.removesuffix(".py").replace("/", ".")
        module = importlib.import_module(
            f"{NAMESPACE}.{self.name}" if script == "__init__" else f"{NAMESPACE}.{self.name}.{script}"
        )
        self._function = getattr(module, self._entry, None)
        if self._function is None:
            raise ImportError(f"function '{self.name}' has no '{self._entry}' in {self._script}")

    def describe(self) -> dict[str, Any]:
        trigger = self.trigger or {}
        return {
            "name": self.name,
            "isHttp": self.trigger is not None,
            "route": trigger.get("route"),
            "methods": trigger.get("methods") or [],
            "authLevel": str(trigger.get("authLevel", "function")).lower(),
        }

    def call(self, request: Any, context: Any, loop: asyncio.AbstractEventLoop) -> Any:
        """Call the function; returns what it returned, or what it set in its output. Coroutines run on the loop."""
        assert self._function is not None and self.trigger is not None
        arguments = {self.trigger["name"]: request}
        parameters = inspect.signature(self._function).parameters
        if "context" in parameters:
            arguments["context"] = context
        output = _Output() if self.output in parameters else None
        if output is not None:
            arguments[self.output] = output
        result = self._function(**arguments)
        if inspect.iscoroutine(result):
            result = asyncio.run_coroutine_threadsafe(result, loop).result()
        return output.get() if output is not None else result


def import_function_folders() -> list[FunctionFolder]:
    """Find and load every folder with a function.json below the current one."""
    package = types.ModuleType(NAMESPACE)
    package.__path__ = [os.getcwd()]
    sys.modules[NAMESPACE] = package
    names = sorted(name for name in os.listdir() if os.path.isfile(os.path.join(name, "function.json")))
    folders = [FunctionFolder(name) for name in names]
    for folder in folders:
        if folder.trigger is not None:
            folder.load()
    return folders


def _find(bindings: list[dict[str, Any]], kind: str, direction: str) -> dict[str, Any] | None:
    fitting = (it for it in bindings if str(it.get("type", "")).lower() == kind and it.get("direction") == direction)
    return next(fitting, None)
