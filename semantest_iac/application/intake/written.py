"""A configuration as it was read, whoever read it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from semantest_iac.domain.environments.configuration import Configuration
from semantest_iac.domain.errors import Fault


class Place(Protocol):
    """Where a value was written; only files have lines."""

    @property
    def source(self) -> str:
        """The file, variable or option."""
        ...

    @property
    def line(self) -> int | None:
        """The line in a file, from 1."""
        ...


class Written(Protocol):
    """A configuration as it was read: faults beside it, and the place of every value."""

    @property
    def configuration(self) -> Configuration:
        """What is left without the faulty values."""
        ...

    @property
    def places(self) -> Mapping[str, Place]:
        """Places by dotted path."""
        ...

    @property
    def faults(self) -> tuple[Fault, ...]:
        """What could not be read."""
        ...

    @property
    def warnings(self) -> tuple[Fault, ...]:
        """What was read and means nothing."""
        ...

    @property
    def variables(self) -> Mapping[str, str]:
        """Where secrets are looked for."""
        ...

    def located(self, faults: Iterable[Fault]) -> tuple[Fault, ...]:
        """Faults with the places of their paths."""
        ...
