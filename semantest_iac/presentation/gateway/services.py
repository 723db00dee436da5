"""What the gateway puts before the network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from semantest_iac.domain.networking.http_exchange import HttpRequest
from semantest_iac.domain.ports.service_probe import Answer


class Services(Protocol):
    """Deployed services by the names of their stacks; leaving the block ends whatever runs for them."""

    async def __aenter__(self) -> Services: ...

    async def __aexit__(self, *_: object) -> None: ...

    async def names(self) -> Sequence[str]:
        """The stacks that are answered now."""
        ...

    async def call(self, name: str, request: HttpRequest) -> Answer:
        """One request to one stack; raises NotFoundError where that is not answered."""
        ...


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the request log; `path` is without its query, which may hold what nobody should read."""

    method: str
    path: str
    stack: str
    status: int
    seconds: float
    note: str = ""


Tell = Callable[[Entry], None]
Address = tuple[str, int]
Listening = AbstractAsyncContextManager[str]
"""The gateway's URL for as long as the block."""
