"""Collects what of a file is not taken over, or not in the same way, with the line of each."""

from __future__ import annotations

import re

from semantest_iac.domain.environments.names import make_printable
from semantest_iac.domain.errors import Fault
from semantest_iac.infrastructure.configuration.conversion.source_documents import SourceDocument
from semantest_iac.infrastructure.configuration.layers import KeyPath, format_key_path

_LONGEST_NAME = 40


class ConversionNotes:
    """Two lists of places in one document; a place and reason that were said are not repeated."""

    def __init__(self, document: SourceDocument) -> None:
        self._document = document
        self._left_out: dict[Fault, None] = {}
        self._differs: dict[Fault, None] = {}

    @property
    def left_out(self) -> tuple[Fault, ...]:
        """What is not in the configuration, in the order of the file."""
        return tuple(sorted(self._left_out, key=lambda fault: fault.line or 0))

    @property
    def differs(self) -> tuple[Fault, ...]:
        """What is in the configuration, and not quite the same, in the order of the file."""
        return tuple(sorted(self._differs, key=lambda fault: fault.line or 0))

    def leave_out(self, path: KeyPath, reason: str, hint: str = "") -> None:
        self._left_out[self._locate(path, reason, hint)] = None

    def differ(self, path: KeyPath, reason: str, hint: str = "") -> None:
        self._differs[self._locate(path, reason, hint)] = None

    def _locate(self, path: KeyPath, reason: str, hint: str) -> Fault:
        line = self._document.find_line(path)
        return Fault(format_key_path(path), make_printable(reason, 300), hint, self._document.name, line)


def to_component_name(text: str) -> str:
    """Return a name as this tool has them: `sendOrder_v2` is `send-order-v2`; empty where nothing of it can be one."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", text).lower()
    name = re.sub(r"[^a-z0-9]+", "-", words).lstrip("-0123456789")
    return name[:_LONGEST_NAME].rstrip("-")
