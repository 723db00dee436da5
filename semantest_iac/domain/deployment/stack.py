"""The identity of what is deployed."""

from __future__ import annotations

import re
from dataclasses import dataclass

from semantest_iac.domain.environments.names import SERVICE_COMPONENTS
from semantest_iac.domain.errors import Fault, ValidationError

STACK_PART = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
LONGEST_STACK_PART = 40
STACK_SEPARATOR = "."  # no part may hold it, so that ("a-b", "c") and ("a", "b-c") differ


@dataclass(frozen=True, slots=True, order=True)
class Stack:
    """One component on one provider in one environment and region."""

    component: str
    provider: str
    environment: str
    region: str

    def __post_init__(self) -> None:
        faults = [fault for name in self.__slots__ if (fault := _find_part_fault(name, getattr(self, name)))]
        if faults:
            raise ValidationError("Cannot name the stack: its parts are not well formed.", faults=faults)

    def __str__(self) -> str:
        return STACK_SEPARATOR.join((self.component, self.provider, self.environment, self.region))

    @property
    def is_service(self) -> bool:
        """Whether the stack runs code that answers requests; false for account settings."""
        return self.component in SERVICE_COMPONENTS

    @classmethod
    def parse(cls, name: str) -> Stack:
        """Read `component.provider.environment.region`; raises ValidationError."""
        parts = name.split(STACK_SEPARATOR)
        if len(parts) != len(cls.__slots__):
            fault = Fault("stack", f"'{name[:80]}' is not component.provider.environment.region")
            raise ValidationError("Cannot read the stack name.", faults=[fault])
        return cls(*parts)


def _find_part_fault(name: str, value: str) -> Fault | None:
    if len(value) <= LONGEST_STACK_PART and STACK_PART.fullmatch(value):
        return None
    hint = f"Use lower-case letters, digits and single hyphens, {LONGEST_STACK_PART} characters at most."
    return Fault(name, f"'{value[:40]}' is not a name", hint)
