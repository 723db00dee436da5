"""What an engine needs of a machine, for tests that get it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from semantest_iac.domain.errors import Fault, RefusedError


@dataclass
class FakeNeed:
    """Something that is there, or can be had, or cannot."""

    name: str
    place: str | None = None
    reachable: bool = True

    def find(self) -> str | None:
        """The place, once it is there."""
        return self.place

    def install(self, report: Callable[[str], None]) -> str:
        """Get it, if it can be had."""
        report(f"{self.name}: fetching")
        if not self.reachable:
            raise RefusedError(f"Cannot install {self.name}.", hint="Run get it.", faults=[Fault("fetch", "no way")])
        self.place = "/cache/it"
        return self.place
