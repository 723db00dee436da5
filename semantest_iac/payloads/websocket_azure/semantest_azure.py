"""Calls Azure's services with the app's own identity, or the stand-ins on this machine without one.

Source of the hub's API: Azure's reference of Web PubSub's data-plane REST API.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from http.client import HTTPConnection, HTTPSConnection
from typing import Any, Protocol
from urllib.parse import quote, urlencode, urlsplit

TIMEOUT_S = 10
LONGEST_IDLE_S = 20  # after that the server may have closed a connection
RETRY_PAUSES_S = (0.1, 0.4, 1.6)
BUSY = (429, 503)
RENEW_BEFORE_END_S = 300
WEB_PUBSUB_AUDIENCE, HUB_API_VERSION = "https://webpubsub.azure.com", "2024-01-01"
CONNECTED, ACCEPTED, NOT_FOUND, NO_CONTENT = 200, 202, 404, 204


@dataclass(frozen=True)
class Reply:
    """A service's response; header names are in lower case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def json(self) -> Mapping[str, Any]:
        value: Mapping[str, Any] = json.loads(self.body)
        return value


class Send(Protocol):
    """Sends one request and returns the reply of any status; raises OSError without a reply."""

    def __call__(self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Reply:
        """Send it."""


class RefusedError(Exception):
    """A reply with an unexpected status."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(f"Azure answered {reply.status}")


class Service:
    """A service at an endpoint, called with tokens for an audience or without; each thread has its own connection."""

    def __init__(self, endpoint: str, audience: str = "") -> None:
        url = urlsplit(endpoint)
        self._is_secure = url.scheme == "https"
        self._host = url.netloc
        self._base = url.path.rstrip("/")
        self._audience = audience if self._is_secure else ""
        self._local = threading.local()

    def __call__(self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Reply:
        """Send a request, again after a pause if the service is busy; only HTTPS endpoints receive a token."""
        identity = {"Authorization": f"Bearer {get_token(self._audience)}"} if self._audience else {}
        for pause in (*RETRY_PAUSES_S, None):
            reply = self._send_once(method, self._base + path, body, {**(headers or {}), **identity})
            if reply.status not in BUSY or pause is None:
                return reply
            time.sleep(pause)
        raise AssertionError("the last pause is None")

    def _send_once(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        connection = self._connection()
        try:
            connection.request(method, path, body or None, dict(headers))
            response = connection.getresponse()
            lower_case = {name.lower(): value for name, value in response.headers.items()}
            reply = Reply(response.status, lower_case, response.read())
        except BaseException:
            connection.close()
            self._local.connection = None
            raise
        self._local.used_at = time.monotonic()
        return reply

    def _connection(self) -> HTTPConnection:
        connection: HTTPConnection | None = getattr(self._local, "connection", None)
        if connection is not None and time.monotonic() - self._local.used_at < LONGEST_IDLE_S:
            return connection
        if connection is not None:
            connection.close()
        kind = HTTPSConnection if self._is_secure else HTTPConnection
        self._local.connection = kind(self._host, timeout=TIMEOUT_S)
        return self._local.connection


_tokens: dict[str, tuple[str, float]] = {}


def get_token(audience: str) -> str:
    """Get a token of the app's identity, renewed some minutes before it expires."""
    token, expires_at = _tokens.get(audience, ("", 0.0))
    if time.time() < expires_at - RENEW_BEFORE_END_S:
        return token
    query = {
        "resource": audience,
        "api-version": "2019-08-01",
        "client_id": os.environ["AzureWebJobsStorage__clientId"],  # noqa: SIM112 - a name of Azure's
    }
    url = urlsplit(os.environ["IDENTITY_ENDPOINT"])
    connection = HTTPConnection(url.netloc, timeout=TIMEOUT_S)
    try:
        headers = {"X-IDENTITY-HEADER": os.environ["IDENTITY_HEADER"]}
        connection.request("GET", f"{url.path}?{urlencode(query)}", headers=headers)
        response = connection.getresponse()
        reply = Reply(response.status, {}, response.read())
    finally:
        connection.close()
    if reply.status != 200:
        raise RefusedError(reply)
    _tokens[audience] = str(reply.json()["access_token"]), float(reply.json()["expires_on"])
    return _tokens[audience][0]


class Hub:
    """A hub of Web PubSub: sends to clients and issues client tokens; unexpected replies raise RefusedError."""

    def __init__(self, send: Send) -> None:
        self._send = send

    def send(self, id: str, data: bytes) -> bool:
        """Send a message; False if the client is gone. Web PubSub accepts such messages too, so it is asked first."""
        if self._request("HEAD", _connection_path(id), (CONNECTED, NOT_FOUND)).status == NOT_FOUND:
            return False
        headers = {"Content-Type": "text/plain"}
        path = f"{_connection_path(id)}/:send"
        return self._request("POST", path, (ACCEPTED, NOT_FOUND), data=data, headers=headers).status != NOT_FOUND

    def close(self, id: str, reason: str) -> None:
        """Close a connection; one that is gone is no error."""
        self._request("DELETE", _connection_path(id), (NO_CONTENT, NOT_FOUND), {"reason": reason})

    def issue_token(self, minutes: int, user: str | None) -> str:
        """Issue a client token for any number of connections; without a user it names nobody."""
        query = {"minutesToExpire": str(minutes), **({} if user is None else {"userId": user})}
        return str(self._request("POST", "/:generateToken", (200,), query).json()["token"])

    def _request(
        self,
        method: str,
        path: str,
        expected: Sequence[int],
        query: Mapping[str, str] | None = None,
        data: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        full_query = urlencode({"api-version": HUB_API_VERSION, **(query or {})})
        reply = self._send(method, f"{path}?{full_query}", data, headers)
        if reply.status not in expected:
            raise RefusedError(reply)
        return reply


@cache
def get_hub() -> Hub:
    """The hub of this app, called with the app's identity."""
    return Hub(Service(os.environ["SEMANTEST_HUB_ENDPOINT"], WEB_PUBSUB_AUDIENCE))


def _connection_path(id: str) -> str:
    return f"/connections/{quote(id, safe='')}"
