"""An HTTP request and its response as values, independent of the transport."""

from __future__ import annotations

import re
from dataclasses import dataclass

Pairs = tuple[tuple[str, str], ...]
FINAL_STATUSES = range(200, 600)
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[^\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]*")


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request as the client sent it: `path` percent-encoded, `query` decoded, in order, with repeats.

    `client` is the address that it came from.
    """

    method: str
    path: str
    query: Pairs = ()
    headers: Pairs = ()
    body: bytes = b""
    client: str = "127.0.0.1"

    def header(self, wanted: str) -> str:
        """Return the first header of a name in lower case, empty if there is none."""
        return next((value for name, value in self.headers if name.lower() == wanted), "")


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """A response as the client receives it: header names in lower case, one `set-cookie` per cookie.

    Raises ValueError for a status or header that HTTP cannot carry.
    """

    status: int
    headers: Pairs = ()
    body: bytes = b""

    def __post_init__(self) -> None:
        if self.status not in FINAL_STATUSES:
            raise ValueError("A status must be 200 to 599.")
        if not all(_HEADER_NAME.fullmatch(name) and _HEADER_VALUE.fullmatch(value) for name, value in self.headers):
            raise ValueError("A header of the response cannot be sent.")
