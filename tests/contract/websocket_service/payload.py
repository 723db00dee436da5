"""Imports modules of payloads, which lie flat in their packages and import each other as top-level modules."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

from semantest_iac.infrastructure.artifacts.layouts import PAYLOADS


def import_payload(folder: str, module: str) -> Any:
    path = str(Path(PAYLOADS) / folder)
    if path not in sys.path:
        sys.path.append(path)
    return importlib.import_module(module)
