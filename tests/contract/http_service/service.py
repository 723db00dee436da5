"""The service under contract as its tests call it."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from semantest_iac.domain.networking.http_exchange import HttpRequest, HttpResponse, Pairs, StoredBody, parse_query
from semantest_iac.infrastructure.local_service.warm_service import WarmService
from tests.contract.http_service.differences import allowed

LOCAL = "127.0.0.1"


def _store_body(file: Path, body: bytes) -> StoredBody:
    file.write_bytes(body)
    try:
        return StoredBody(str(file), len(body), len(json.dumps(body.decode())) - 2)
    except UnicodeDecodeError:
        return StoredBody(str(file), len(body))


@dataclass(frozen=True)
class Service:
    provider: str
    kind: str
    warm: WarmService

    async def call(
        self, method: str, path: str, *, query: Pairs = (), headers: Pairs = (), body: bytes = b""
    ) -> HttpResponse:
        return (await self.warm.call(HttpRequest(method, path, query, headers, body))).response

    async def received(
        self,
        method: str,
        path: str,
        *,
        query: Pairs = (),
        headers: Pairs = (),
        body: bytes = b"",
        client: str = LOCAL,
        file: Path | None = None,
    ) -> dict[str, Any]:
        """What the service reports that it received, the body as bytes; the path may have a query.

        A body in `file` is sent from there, as the gateway sends a large one.
        """
        path, _, raw_query = path.partition("?")
        query = parse_query(raw_query) if raw_query else query
        request = HttpRequest(method, path, query, headers, body, client, raw_query)
        if file:
            request = replace(request, body=b"", stored_body=_store_body(file, body))
        answer = json.loads((await self.warm.call(request)).response.body)
        return {**answer, "body": base64.b64decode(answer["body"])}

    def expected(self, difference: str) -> Any:
        """What this cloud does, where the clouds differ."""
        return allowed(difference, self.provider)
