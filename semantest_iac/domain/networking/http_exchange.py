"""One HTTP request and its answer as values, whatever carries them."""

from __future__ import annotations

import re
from dataclasses import dataclass

Pairs = tuple[tuple[str, str], ...]
FINAL_STATUSES = range(200, 600)
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[^\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]*")


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

    def header(self, wanted: str) -> str:
        """The first header of that name, which is in lower case here; empty where there is none."""
        return next((value for name, value in self.headers if name.lower() == wanted), "")


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """An answer as the client receives it: header names in lower case, `set-cookie` once per cookie.

    Raises ValueError for what HTTP cannot carry as one.
    """

    status: int
    headers: Pairs = ()
    body: bytes = b""

    def __post_init__(self) -> None:
        if self.status not in FINAL_STATUSES:
            raise ValueError("An answer's status is one of 200 to 599.")
        if not all(_HEADER_NAME.fullmatch(name) and _HEADER_VALUE.fullmatch(value) for name, value in self.headers):
            raise ValueError("An answer's header cannot be sent.")
