"""The port between Semantest's protocol and whatever holds its connections."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True)
class Connection:
    """One client: what it said that it is (`cli`, `extension`, nothing yet), and what its token said of it."""

    id: str
    kind: str = ""
    claims: Mapping[str, Any] = field(default_factory=dict)
    greeted: bool = False


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

    def claim(self, request: str, asker: str, holder: str) -> bool:
        """Whether the request is this asker's from now on (or was already), and not another's; the holder has it."""

    def asker(self, request: str) -> str | None:
        """Who waits for the answer."""

    def held_by(self, id: str) -> Iterable[str]:
        """The requests that a connection has not answered yet; one of a moment ago may be missing."""

    def settle(self, request: str, holder: str | None = None) -> str | None:
        """End a request: the first to do so is told who waits for it. Not where somebody else holds it."""

    def post(self, id: str, data: bytes) -> bool:
        """Send; False where nobody is there any more."""
