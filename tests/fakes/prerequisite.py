"""A program that the engine requires, which a test can install."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from semantest_iac.domain.errors import Fault, RefusedError


@dataclass
class FakePrerequisite:
    """A prerequisite that is installed, can be installed, or cannot."""

    name: str
    place: str | None = None
    reachable: bool = True

    def find(self) -> str | None:
        return self.place

    def install(self, report: Callable[[str], None]) -> str:
        report(f"{self.name}: fetching")
        if not self.reachable:
            raise RefusedError(f"Cannot install {self.name}.", hint="Run get it.", faults=[Fault("fetch", "no way")])
        self.place = "/cache/it"
        return self.place
