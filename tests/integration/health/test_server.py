"""The endpoints on a real socket, asked as probes ask and as nobody should."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

import pytest

from semantest_iac.application.ports.run_queue import RunLease
from semantest_iac.application.worker import Done, Worker
from semantest_iac.application.worker_health import WorkerHealth
from semantest_iac.bootstrap.deployments import identify_worker
from semantest_iac.domain.errors import LedgerError, RefusedError
from semantest_iac.presentation.health import server
from semantest_iac.presentation.health.server import MOST_CONNECTIONS, HealthAddress, serve_health
from tests.fakes.memory_ledger import MemoryLedger
from tests.fakes.run_queue import FakeRunQueue


async def _finish(lease: RunLease) -> Done:
    return Done()


class Endpoints:
    """The endpoints of a worker whose ledger fails with the error, if there is one."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        worker = Worker(FakeRunQueue(MemoryLedger()), _finish, identify_worker())
        self.health = WorkerHealth(worker, {"ledger": self._check})

    async def _check(self) -> None:
        if self.error:
            raise self.error

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[tuple[str, int]]:
        async with serve_health(self.health, HealthAddress("127.0.0.1", 0)) as url:
            parts = urlsplit(url)
            yield str(parts.hostname), int(parts.port or 0)


@pytest.fixture
def endpoints() -> Endpoints:
    return Endpoints()


async def _send(address: tuple[str, int], request: bytes) -> bytes:
    """Return everything that comes back until the connection is closed."""
    reader, writer = await asyncio.open_connection(*address)
    writer.write(request)
    try:
        async with asyncio.timeout(60):
            return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


async def _get(address: tuple[str, int], target: str, method: str = "GET") -> tuple[int, Any]:
    answer = await _send(address, f"{method} {target} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body) if body else None


class TestEndpoints:
    async def test_answer_that_all_is_well(self, endpoints: Endpoints) -> None:
        async with endpoints.serve() as address:
            alive, ready = [await _get(address, path) for path in ("/healthz", "/readyz?verbose=1")]

        assert alive == ready == (200, {"status": "ok", "faults": []})

    async def test_answer_what_is_wrong_with_its_code_alone(self, endpoints: Endpoints) -> None:
        endpoints.error = LedgerError("Cannot write '/secret/place'.", "LEDGER_FULL")
        async with endpoints.serve() as address:
            alive, ready = [await _get(address, path) for path in ("/healthz", "/readyz")]

        assert alive == (200, {"status": "ok", "faults": []})
        assert ready == (503, {"status": "failed", "faults": [{"check": "ledger", "code": "LEDGER_FULL"}]})

    async def test_tell_a_worker_that_drains_from_a_dead_one(self, endpoints: Endpoints) -> None:
        endpoints.health.drain()
        async with endpoints.serve() as address:
            alive, ready = [await _get(address, path) for path in ("/healthz", "/readyz")]

        assert (alive[0], ready[0]) == (200, 503)
        assert ready[1]["faults"] == [{"check": "worker", "code": "DRAINING"}]

    async def test_answer_many_at_once(self, endpoints: Endpoints) -> None:
        async with endpoints.serve() as address:
            answers = await asyncio.gather(*(_get(address, "/readyz") for _ in range(MOST_CONNECTIONS // 2)))

        assert {status for status, _ in answers} == {200}


class TestRequests:
    @pytest.mark.parametrize(
        ("request_", "status"),
        [
            (b"GET / HTTP/1.1\r\n\r\n", 404),
            (b"GET /healthz/../../etc/passwd HTTP/1.1\r\n\r\n", 404),
            (b"POST /healthz HTTP/1.1\r\n\r\n", 405),
            (b"GET /healthz\r\n\r\n", 400),
            (b"GET /healthz SMTP/1.1\r\n\r\n", 400),
            (b"\xff\xfe /healthz HTTP/1.1\r\n\r\n", 400),
            (b"\r\n\r\n", 400),
            (b"GET /healthz HTTP/1.1\r\nX: " + b"x" * 2 * server.HEAD_LIMIT_BYTES + b"\r\n\r\n", 431),
        ],
        ids=["root", "other path", "method", "no version", "other protocol", "bytes", "empty", "large"],
    )
    async def test_that_ask_for_nothing_here_are_refused(
        self, endpoints: Endpoints, request_: bytes, status: int
    ) -> None:
        async with endpoints.serve() as address:
            answer = await _send(address, request_)

        assert answer.startswith(f"HTTP/1.1 {status} ".encode())

    async def test_for_the_head_get_no_body(self, endpoints: Endpoints) -> None:
        async with endpoints.serve() as address:
            assert await _get(address, "/healthz", "HEAD") == (200, None)

    async def test_that_never_end_are_left(self, endpoints: Endpoints, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(server, "CONNECTION_TIMEOUT_S", 0.05)
        async with endpoints.serve() as address:
            assert await _send(address, b"GET /healthz HTTP/1.1\r\n") == b""

    async def test_get_answers_while_silent_ones_hold_every_connection(self, endpoints: Endpoints) -> None:
        async with endpoints.serve() as address:
            silent = [await asyncio.open_connection(*address) for _ in range(MOST_CONNECTIONS)]
            answers = [await _get(address, "/healthz") for _ in range(2)]
            async with asyncio.timeout(60):
                left = await silent[0][0].read()
            for _, writer in silent:
                writer.close()
                with suppress(ConnectionError):
                    await writer.wait_closed()

        assert [status for status, _ in answers] == [200, 200]
        assert left == b""  # the oldest one

    async def test_do_not_outlive_the_server(self, endpoints: Endpoints) -> None:
        async with endpoints.serve() as address:
            reader, writer = await asyncio.open_connection(*address)
            writer.write(b"GET /hea")
            await writer.drain()
            await asyncio.sleep(0.05)
        try:
            async with asyncio.timeout(10):
                assert await reader.read() == b""
        except ConnectionError:
            pass
        writer.close()


class TestAddresses:
    @pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::", "example.org"])
    async def test_that_other_machines_reach_must_be_allowed(self, endpoints: Endpoints, host: str) -> None:
        with pytest.raises(RefusedError) as refused:
            async with serve_health(endpoints.health, HealthAddress(host, 0)):
                pass

        assert (refused.value.error_code, "--allow-remote-health" in refused.value.hint) == ("NOT_LOOPBACK", True)

    async def test_that_are_taken_are_refused(self, endpoints: Endpoints) -> None:
        async with endpoints.serve() as (host, port):
            with pytest.raises(RefusedError, match="already in use"):
                async with serve_health(endpoints.health, HealthAddress(host, port)):
                    pass
