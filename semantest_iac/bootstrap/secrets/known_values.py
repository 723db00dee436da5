"""Knows the values of secrets that a process has read, and removes them from what it shows and records."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from semantest_iac.domain.security.redaction import Redactor


class KnownSecretValues:
    """Values that are read while redactors of the process are in use already; any thread may add one."""

    def __init__(self) -> None:
        self._values: frozenset[str] = frozenset()
        self._adding = threading.Lock()

    def add(self, value: str) -> None:
        """Have every redactor remove the value from now on."""
        with self._adding:
            self._values |= {value}

    def redactor(self, own: Collection[str]) -> Callable[[str], str]:
        """Return a function that removes these values, and those that are known by the time it is called."""
        made: list[tuple[frozenset[str], Redactor]] = []

        def redact(text: str) -> str:
            known = self._values
            if not (known or own):
                return text
            if not made or made[-1][0] != known:
                from semantest_iac.domain.security.redaction import Redactor

                made[:] = [(known, Redactor((*own, *known)))]
            return made[-1][1].redact(text)

        return redact
