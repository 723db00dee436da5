"""The entry of a packaged Python function: secrets first, then the handler that the person named."""

from __future__ import annotations

import importlib
import json
from pathlib import Path

from semantest_secrets import load_secrets


def _named_handler() -> object:
    settings = json.loads(Path(__file__).with_name("semantest_entry.json").read_text())
    module, _, function = settings["handler"].rpartition(".")
    return getattr(importlib.import_module(module.replace("/", ".")), function)


load_secrets()
handler = _named_handler()
