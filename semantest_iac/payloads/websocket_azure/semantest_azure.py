"""Calls to Azure's services as the app's own identity, or to stand-ins on this very machine."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPSConnection
from typing import Any, Protocol
from urllib.parse import urlencode, urlsplit

TIMEOUT_S = 10
QUIET_S = 20  # longer than that a connection may have been closed at the other end
PAUSES_S = (0.1, 0.4, 1.6)
BUSY = (429, 503)
EARLY_S = 300


@dataclass(frozen=True)
class Reply:
    """What a service answered; header names are in lower case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def told(self) -> Mapping[str, Any]:
        """The JSON of the answer."""
        found: Mapping[str, Any] = json.loads(self.body)
        return found


class Send(Protocol):
    """One request to a service; its answer, whatever the status. Raises OSError where there is none."""

    def __call__(self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Reply:
        """Send it."""


class RefusedError(Exception):
    """An answer that nothing was prepared for."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(f"Azure answered {reply.status}")


class Service:
    """A service at an endpoint, for the tokens of an audience or for everybody; each thread has its own connection."""

    def __init__(self, endpoint: str, audience: str = "") -> None:
        place = urlsplit(endpoint)
        self._is_secure = place.scheme == "https"
        self._host = place.netloc
        self._base = place.path.rstrip("/")
        self._audience = audience if self._is_secure else ""
        self._kept = threading.local()

    def __call__(self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Reply:
        """Again after a pause where the service is busy; stand-ins want no token, and would get none."""
        identity = {"Authorization": f"Bearer {token(self._audience)}"} if self._audience else {}
        for pause in (*PAUSES_S, None):
            reply = self._once(method, self._base + path, body, {**(headers or {}), **identity})
            if reply.status not in BUSY or pause is None:
                return reply
            time.sleep(pause)
        raise AssertionError("the last pause is none")

    def _once(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        connection = self._connection()
        try:
            connection.request(method, path, body or None, dict(headers))
            response = connection.getresponse()
            named = {name.lower(): value for name, value in response.headers.items()}
            reply = Reply(response.status, named, response.read())
        except BaseException:
            connection.close()
            self._kept.last = None
            raise
        self._kept.since = time.monotonic()
        return reply

    def _connection(self) -> HTTPConnection:
        kept: HTTPConnection | None = getattr(self._kept, "last", None)
        if kept is not None and time.monotonic() - self._kept.since < QUIET_S:
            return kept
        if kept is not None:
            kept.close()
        kind = HTTPSConnection if self._is_secure else HTTPConnection
        self._kept.last = kind(self._host, timeout=TIMEOUT_S)
        return self._kept.last


_tokens: dict[str, tuple[str, float]] = {}


def token(audience: str) -> str:
    """A token of the app's identity, asked for anew some minutes before it ends."""
    known, ends = _tokens.get(audience, ("", 0.0))
    if time.time() < ends - EARLY_S:
        return known
    asked = {
        "resource": audience,
        "api-version": "2019-08-01",
        "client_id": os.environ["AzureWebJobsStorage__clientId"],  # noqa: SIM112 - a name of Azure's
    }
    place = urlsplit(os.environ["IDENTITY_ENDPOINT"])
    connection = HTTPConnection(place.netloc, timeout=TIMEOUT_S)
    try:
        headers = {"X-IDENTITY-HEADER": os.environ["IDENTITY_HEADER"]}
        connection.request("GET", f"{place.path}?{urlencode(asked)}", headers=headers)
        response = connection.getresponse()
        reply = Reply(response.status, {}, response.read())
    finally:
        connection.close()
    if reply.status != 200:
        raise RefusedError(reply)
    _tokens[audience] = str(reply.told()["access_token"]), float(reply.told()["expires_on"])
    return _tokens[audience][0]
