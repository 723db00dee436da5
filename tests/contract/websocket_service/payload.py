"""Modules of payloads, which nothing imports: they lie flat in their packages, and find each other there."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

from semantest_iac.infrastructure.artifacts.layouts import PAYLOADS


def shipped(folder: str, module: str) -> Any:
    """A module of a payload."""
    path = str(Path(PAYLOADS) / folder)
    if path not in sys.path:
        sys.path.append(path)
    return importlib.import_module(module)
