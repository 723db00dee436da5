"""A gateway's calls of addresses elsewhere."""

from __future__ import annotations

import asyncio
import threading

import pytest

from semantest_iac.domain.networking.http_exchange import HttpRequest, HttpResponse
from semantest_iac.infrastructure.local_service import remote_probe
from semantest_iac.infrastructure.local_service.gateway import backends
from semantest_iac.infrastructure.local_service.gateway.rules import BackendKind, GatewayBackend

AT_ONCE = 50
BACKEND = GatewayBackend(BackendKind.URL, "https://orders.example.org")


async def test_slow_addresses_are_called_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    together = threading.Barrier(AT_ONCE, timeout=30)  # breaks unless all are in their calls

    def wait_for_others(url: str, request: HttpRequest) -> HttpResponse:
        together.wait()
        return HttpResponse(200)

    monkeypatch.setattr(backends, "send_request", wait_for_others)
    calls = backends.BackendCalls()
    answers = await asyncio.gather(*(calls("stack", BACKEND, HttpRequest("GET", "/")) for _ in range(AT_ONCE)))

    assert [it.status for it in answers] == [200] * AT_ONCE


def test_certificates_are_read_once() -> None:
    assert remote_probe._get_opener() is remote_probe._get_opener()
