"""What a home consists of, in which condition each part is, and how it can be repaired."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

PartStatus = Literal["intact", "absent", "missing", "damaged", "foreign", "newer", "younger", "unreadable"]
"""`absent` is normal, `missing` is not; `younger` lacks what the home has noted, `newer` is of a later version."""


@dataclass(frozen=True, slots=True)
class PartRepair:
    """A safe repair: what it is going to do, and the function that does it and returns what it has done."""

    intent: str
    run: Callable[[], str]


@dataclass(frozen=True, slots=True)
class HomePart:
    """One part of a home by its path below the home; `command` says what to do about it."""

    part: str
    status: PartStatus = "intact"
    cause: str = ""
    command: str = ""
    repair: PartRepair | None = None

    @property
    def is_usable(self) -> bool:
        """Whether nothing needs to be done about it."""
        return self.status in ("intact", "absent")

    def as_dict(self) -> dict[str, str]:
        """Return the part as `--json` prints it."""
        return {"part": self.part, "condition": self.status, "cause": self.cause, "command": self.command}
