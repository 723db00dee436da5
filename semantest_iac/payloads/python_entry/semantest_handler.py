"""Loads the user's handler or application by the name that was written at packaging time; no event can choose it."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any


def load_handler(function: str = "") -> Callable[[Any, Any], Any]:
    """Load the user's handler, or that of one of several functions; an application becomes a handler."""
    if application := find_application(function):
        from semantest_application import make_lambda_handler

        return make_lambda_handler(application)
    settings = read_settings()
    return _load((settings["functions"][function] if function else settings)["handler"])


def find_application(function: str = "") -> str:
    """Return the application of the package, or that of one of its functions; empty if it has a handler instead."""
    settings = read_settings()
    return str((settings["functions"][function] if function else settings).get("app", ""))


def load_outermost_handler(function: str = "") -> Callable[[Any, Any], Any]:
    """Load the wrapper before the user's handler if the package has one, else the user's handler."""
    wrapper = read_settings().get("wrapper")
    return _load(wrapper) if wrapper else load_handler(function)


def read_settings() -> Mapping[str, Any]:
    """Read what the package names: `handler` or `app`, `functions` with theirs, and `wrapper` if there is one."""
    settings: Mapping[str, Any] = json.loads(Path(__file__).with_name("semantest_entry.json").read_text())
    return settings


def _load(handler: str) -> Callable[[Any, Any], Any]:
    module, _, function = handler.rpartition(".")
    loaded: Callable[[Any, Any], Any] = getattr(importlib.import_module(module.replace("/", ".")), function)
    return loaded
