"""An HTTP request and its response as values, independent of the transport."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode

Pairs = tuple[tuple[str, str], ...]
FINAL_STATUSES = range(200, 600)
HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""The names that HTTP allows headers (RFC 9110, 5.1)."""
_HEADER_VALUE = re.compile(r"[^\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]*")


@dataclass(frozen=True)
class StoredBody:
    """A body in a file, which is removed when nothing refers to this object any more.

    `json_bytes` is the least size of its text in JSON, None if it is known not to be UTF-8.
    """

    path: str
    size: int
    json_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request as the client sent it: `path` percent-encoded, `query` decoded, in order, with repeats.

    `raw_query` is the query as it was sent, if it came as a text. `client` is the address that it came from. A large
    body may be in `stored_body` instead of `body`.
    """

    method: str
    path: str
    query: Pairs = ()
    headers: Pairs = ()
    body: bytes = b""
    client: str = "127.0.0.1"
    raw_query: str = ""
    stored_body: StoredBody | None = None

    @property
    def body_size(self) -> int:
        """The bytes of the body, wherever it is."""
        return self.stored_body.size if self.stored_body else len(self.body)

    @property
    def query_string(self) -> str:
        """The query as it was sent, or encoded from its pairs."""
        return self.raw_query or urlencode(self.query)

    @property
    def head_bytes(self) -> int:
        """The size of the request line and of all header values."""
        line = f"{self.method} {self.path}?{self.query_string} HTTP/1.1"
        return sum(len(text.encode(errors="surrogateescape")) for text in (line, *(value for _, value in self.headers)))

    def header(self, wanted: str) -> str:
        """Return the first header of a name in lower case, empty if there is none."""
        return next((value for name, value in self.headers if name.lower() == wanted), "")


def parse_query(raw_query: str) -> Pairs:
    """Decode a query: a name without a value has an empty one, and bytes that are not UTF-8 become U+FFFD."""
    return tuple(parse_qsl(raw_query, keep_blank_values=True))


def group_values(pairs: Pairs) -> dict[str, list[str]]:
    """Return the values of each name, in order."""
    grouped: dict[str, list[str]] = {}
    for name, value in pairs:
        grouped.setdefault(name, []).append(value)
    return grouped


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """A response as the client receives it: header names in lower case, one `set-cookie` per cookie.

    A large body may be in `stored_body` instead of `body`.
    Raises ValueError for a status or header that HTTP cannot carry.
    """

    status: int
    headers: Pairs = ()
    body: bytes = b""
    stored_body: StoredBody | None = None

    def __post_init__(self) -> None:
        if self.status not in FINAL_STATUSES:
            raise ValueError("A status must be 200 to 599.")
        if not all(HEADER_NAME.fullmatch(name) and _HEADER_VALUE.fullmatch(value) for name, value in self.headers):
            raise ValueError("A header of the response cannot be sent.")


@dataclass(frozen=True, slots=True)
class BodyLimit:
    """The largest body of a request that a cloud accepts, and how it answers a larger one."""

    largest: int
    refusal: HttpResponse
