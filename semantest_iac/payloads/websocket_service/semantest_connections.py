"""The port between Semantest's protocol and whatever holds its connections."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True)
class Connection:
    """One client: what it said that it is (`cli`, `extension`, nothing yet), and what its token said of it."""

    id: str
    kind: str = ""
    claims: Mapping[str, Any] = field(default_factory=dict)
    greeted: bool = False


class TooLargeError(Exception):
    """A message that the cloud does not carry."""


class Connections(Protocol):
    """Who is connected, who asked for what, and the way to them; each call is one step that others may run beside."""

    def remember(self, connection: Connection) -> None:
        """Keep a new connection; one that is known stays as it is."""

    def forget(self, id: str) -> None:
        """It has ended; forgetting twice is no error."""

    def find(self, id: str) -> Connection | None:
        """A connection, if it is known."""

    def find_by_kind(self, kind: str) -> Sequence[str]:
        """The ids of all connections of a kind, in no order; one that came a moment ago may be missing."""

    def identify(self, id: str, kind: str) -> None:
        """The connection has said what it is."""

    def greet(self, id: str) -> bool:
        """True for the first who asks, of all that run side by side."""

    def claim(self, request: str, id: str) -> bool:
        """Whether the request is this connection's from now on (or was already), and not another's."""

    def claimant(self, request: str) -> str | None:
        """Who asked."""

    def release(self, request: str) -> None:
        """The request has been answered."""

    def post(self, id: str, message: Mapping[str, Any]) -> bool:
        """Send; False where nobody is there any more. Raises TooLargeError."""
