"""One HTTP request and its answer as values, whatever carries them."""

from __future__ import annotations

from dataclasses import dataclass

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request as the client sent it: `path` is still percent-encoded, `query` is decoded, in order, with repeats.

    `client` is the address that it came from.
    """

    method: str
    path: str
    query: Pairs = ()
    headers: Pairs = ()
    body: bytes = b""
    client: str = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """An answer as the client receives it: header names in lower case, `set-cookie` once per cookie."""

    status: int
    headers: Pairs = ()
    body: bytes = b""
