"""Finds the handler that the person named; what to load was written at packaging time, no event can choose it."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any


def named_handler() -> Callable[[Any, Any], Any]:
    """The function itself, its module loaded."""
    return _loaded(_settings()["handler"])


def first_handler() -> Callable[[Any, Any], Any]:
    """What stands before it, where a door was packaged, and else the function itself."""
    settings = _settings()
    return _loaded(settings.get("door") or settings["handler"])


def _settings() -> Mapping[str, str]:
    settings: Mapping[str, str] = json.loads(Path(__file__).with_name("semantest_entry.json").read_text())
    return settings


def _loaded(handler: str) -> Callable[[Any, Any], Any]:
    module, _, function = handler.rpartition(".")
    found: Callable[[Any, Any], Any] = getattr(importlib.import_module(module.replace("/", ".")), function)
    return found
