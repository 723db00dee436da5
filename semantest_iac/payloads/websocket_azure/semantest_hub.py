"""Web PubSub's hub as an app sees it: the way to clients, and who gives out tokens with which to come in.

Source: Azure's reference of Web PubSub's data-plane REST API.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import cache
from urllib.parse import quote, urlencode

from semantest_azure import RefusedError, Reply, Send, Service

PUBSUB, VERSION = "https://webpubsub.azure.com", "2024-01-01"
THERE, SENT, GONE, NO_CONTENT = 200, 202, 404, 204


class Hub:
    """Whatever it answers otherwise is a RefusedError."""

    def __init__(self, send: Send) -> None:
        self._send = send

    def post(self, id: str, data: bytes) -> bool:
        """Whether somebody is there: Web PubSub takes messages to those who are gone as well, so it is asked first."""
        if self._asked("HEAD", _client(id), (THERE, GONE)).status == GONE:
            return False
        kind = {"Content-Type": "text/plain"}
        return self._asked("POST", f"{_client(id)}/:send", (SENT, GONE), data=data, headers=kind).status != GONE

    def close(self, id: str, reason: str) -> None:
        """Send a client away; one that is gone is no error."""
        self._asked("DELETE", _client(id), (NO_CONTENT, GONE), {"reason": reason})

    def access_token(self, minutes: int, user: str | None) -> str:
        """With which one client after the other may come in, until its time is over; without a user it names nobody."""
        named = {"minutesToExpire": str(minutes), **({} if user is None else {"userId": user})}
        return str(self._asked("POST", "/:generateToken", (200,), named).told()["token"])

    def _asked(
        self,
        method: str,
        path: str,
        known: Sequence[int],
        query: Mapping[str, str] | None = None,
        data: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        asked = urlencode({"api-version": VERSION, **(query or {})})
        reply = self._send(method, f"{path}?{asked}", data, headers)
        if reply.status not in known:
            raise RefusedError(reply)
        return reply


@cache
def hub() -> Hub:
    """That of this app, as the app itself."""
    return Hub(Service(os.environ["SEMANTEST_HUB_ENDPOINT"], PUBSUB))


def _client(id: str) -> str:
    return f"/connections/{quote(id, safe='')}"
