"""Finds the handler that the person named; what to load was written at packaging time, no event can choose it."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any


def named_handler() -> Callable[[Any, Any], Any]:
    """The function itself, its module loaded."""
    settings = json.loads(Path(__file__).with_name("semantest_entry.json").read_text())
    module, _, function = settings["handler"].rpartition(".")
    found: Callable[[Any, Any], Any] = getattr(importlib.import_module(module.replace("/", ".")), function)
    return found
