"""Requests for tables that a server of this machine has."""

from __future__ import annotations

from semantest_iac.domain.networking.http_exchange import HttpResponse
from semantest_iac.infrastructure.function_runtimes.loopback import LoopbackRequest, serve_loopback
from semantest_iac.infrastructure.local_service.aws.local_stores import forward_other_tables


async def test_requests_for_tables_of_a_server_are_passed_on() -> None:
    """The table of connections is ours: its helper signs nothing on this machine, and a server needs signatures."""
    received: list[bytes] = []

    async def answer(request: LoopbackRequest) -> HttpResponse:
        received.append(request.body)
        return HttpResponse(400, (), b"of the server")

    async def answer_itself(request: LoopbackRequest) -> HttpResponse:
        return HttpResponse(200, (), b"of our own")

    async with serve_loopback(answer) as url:
        handler = forward_other_tables({"connections"}, answer_itself, url)
        bodies = [b'{"TableName": "connections"}', b'{"TableName": "orders"}', b'{"RequestItems": {}}', b"no json"]
        answers = [await handler(LoopbackRequest("POST", "/", {"host": "here"}, body)) for body in bodies]

    assert [it.body for it in answers] == [b"of our own", *[b"of the server"] * 3]
    assert [it.status for it in answers] == [200, 400, 400, 400]
    assert received == bodies[1:]
