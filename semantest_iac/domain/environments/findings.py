"""The input and the result of a validation rule."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date

from semantest_iac.domain.environments.configuration import ComponentSection
from semantest_iac.domain.errors import Fault


@dataclass(frozen=True, slots=True)
class RuleSubject:
    """One component as written, where it is to go, and the day on which that is asked.

    `functions` is the provider of ours whose functions those of `provider` are like.
    """

    component: str
    provider: str
    environment: str
    section: ComponentSection
    today: date
    functions: str

    @property
    def serves_http(self) -> bool:
        """True where requests are answered at once; a WebSocket API only passes messages on."""
        return self.component != "websocket"


@dataclass(frozen=True, slots=True)
class Finding:
    """A fault, or a warning where it does not block."""

    fault: Fault
    blocks: bool


Rule = Callable[[RuleSubject], Iterator[Finding]]


def refuse(path: str, message: str, hint: str = "") -> Finding:
    """This cannot be deployed."""
    return Finding(Fault(path, message, hint), blocks=True)


def advise(path: str, message: str, hint: str = "") -> Finding:
    """This can be deployed, and is not what was written or not what it seems."""
    return Finding(Fault(path, message, hint), blocks=False)
