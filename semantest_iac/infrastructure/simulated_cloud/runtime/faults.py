"""Scripted faults: which call of which operation fails, and how."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from enum import StrEnum
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from semantest_iac.domain.errors import ConfigurationError
from semantest_iac.domain.errors import Fault as Problem
from semantest_iac.infrastructure.nested_text import parse_json
from semantest_iac.infrastructure.simulated_cloud.schema.refusals import CloudRefusal, CreatedResource


class FaultEffect(StrEnum):
    """What a fault does to a matching call."""

    SLOW = "slow"
    THROTTLE = "throttle"
    REFUSE = "refuse"
    CREATED_BUT_TIMEOUT = "created_but_timeout"
    PARTIAL = "partial"


_PREVENTING: Final = {FaultEffect.THROTTLE, FaultEffect.REFUSE}
_DEFAULT_REFUSALS: Final = {
    FaultEffect.THROTTLE: ("TooManyRequestsException", "Rate exceeded", 429, True),
    FaultEffect.REFUSE: ("ServiceException", "The service refused the request.", 400, False),
    FaultEffect.CREATED_BUT_TIMEOUT: ("RequestTimeout", "The request timed out.", 504, True),
    FaultEffect.PARTIAL: ("ServiceException", "The resource was made and could not be completed.", 500, False),
}


@dataclass(frozen=True, slots=True)
class ScriptedFault:
    """One entry of a script: type, name and operation are shell patterns; `call` 0 means every matching call.

    `name` is matched against the physical name and against the owner; `seconds` and `retry_after` are virtual.
    """

    effect: FaultEffect
    type: str = "*"
    name: str = "*"
    operation: str = "create"
    call: int = 0
    seconds: float = 0.0
    retry_after: float | None = None
    code: str = ""
    message: str = ""
    status: int = 0

    @classmethod
    def from_mapping(cls, entry: Mapping[str, Any]) -> ScriptedFault:
        """Raise TypeError for an unknown key and ValueError for an unknown effect."""
        return cls(**{**entry, "effect": FaultEffect(str(entry.get("effect")))})

    @property
    def prevents_operation(self) -> bool:
        """True where the cloud refuses the call before it changes anything."""
        return self.effect in _PREVENTING

    def to_refusal(self, created: CreatedResource | None = None) -> CloudRefusal:
        """Return the refusal that the caller receives; only a partial failure names what was created."""
        code, message, status, retryable = _DEFAULT_REFUSALS[self.effect]
        return CloudRefusal(
            self.code or code,
            self.message or message,
            status=self.status or status,
            retryable=retryable,
            retry_after=self.retry_after,
            created=created if self.effect is FaultEffect.PARTIAL else None,
        )

    def matches(self, operation: str, type_: str, names: Sequence[str]) -> bool:
        return (
            fnmatchcase(operation, self.operation)
            and fnmatchcase(type_, self.type)
            and any(fnmatchcase(name, self.name) for name in names)
        )


@dataclass(slots=True)
class FaultScript:
    """The faults of a script, and how often each of them has matched in this process."""

    faults: tuple[ScriptedFault, ...] = ()
    _calls: list[int] = field(init=False)
    _lock: threading.Lock = field(init=False, default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._calls = [0] * len(self.faults)

    @classmethod
    def from_data(cls, entries: Sequence[Mapping[str, Any]]) -> FaultScript:
        return cls(tuple(ScriptedFault.from_mapping(entry) for entry in entries))

    def match_call(self, operation: str, type_: str, names: Sequence[str]) -> list[ScriptedFault]:
        """Count the call, and return the faults that are due for it in the order of the script."""
        with self._lock:
            return [
                fault
                for index, fault in enumerate(self.faults)
                if self._count_match_and_check_due(index, operation, type_, names)
            ]

    def _count_match_and_check_due(self, index: int, operation: str, type_: str, names: Sequence[str]) -> bool:
        fault = self.faults[index]
        if not fault.matches(operation, type_, names):
            return False
        self._calls[index] += 1
        return fault.call in (0, self._calls[index])


NO_FAULTS: Final = FaultScript()


def load_fault_script(file: Path) -> FaultScript:
    """Load the script from a JSON file, a list of objects; return NO_FAULTS where there is no file.

    A process that loads a file again goes on counting its calls, unless the file was written meanwhile. Raise
    ConfigurationError for a file that is no script.
    """
    if not file.exists():
        return NO_FAULTS
    return _parse_script(file, file.stat().st_mtime_ns, file.read_text(encoding="utf-8"))


@lru_cache(maxsize=16)
def _parse_script(file: Path, written_at: int, text: str) -> FaultScript:
    try:
        return FaultScript.from_data(parse_json(text))
    except (AttributeError, TypeError, ValueError) as error:
        keys = ", ".join(key.name for key in fields(ScriptedFault))
        hint = f"A list of objects with these keys: {keys}; effects are {', '.join(FaultEffect)}."
        fault = Problem("", f"is no fault script: {error}", hint, file=str(file))
        raise ConfigurationError("Cannot load the scripted faults.", faults=[fault]) from error
