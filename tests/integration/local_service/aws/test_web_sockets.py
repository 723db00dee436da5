"""What only API Gateway's WebSocket APIs do."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from semantest_iac.infrastructure.local_service.web_socket_service import SWITCHING_PROTOCOLS, Handshake
from tests.integration.local_service.clients import MemoryClients
from tests.integration.local_service.conftest import AUTHORIZED, AWS, DeployWebSocket, token

pytestmark = pytest.mark.parametrize("stack", [AWS], ids=["aws"], indirect=True)


class TestThrottling:
    async def test_refuses_calls_beyond_the_rate_limit_of_the_stage(
        self, deploy: DeployWebSocket, clients: MemoryClients
    ) -> None:
        async with deploy(throttling={"rate": 0.001, "burst": 2}) as service:
            assert [await service.connect(id, Handshake()) for id in "abc"] == [
                SWITCHING_PROTOCOLS,
                SWITCHING_PROTOCOLS,
                429,
            ]
            assert [await service.deliver("a", '{"type": "ping"}') for _ in range(3)] == [True, True, False]

        assert clients.types("a")[-1] == "Too Many Requests"


class TestCustomHandler:
    NODE = """
    exports.handler = async (event) => {
      const { eventType, connectionId, authorizer } = event.requestContext;
      if (event.body === "die") throw new Error("asked to fail");
      if (eventType === "CONNECT") {
        const [first] = (event.headers["Sec-WebSocket-Protocol"] ?? "").split(",");
        const statusCode = event.headers["X-Refuse"] === "yes" ? 403 : 200;
        return { statusCode, headers: { "sec-websocket-protocol": first } };
      }
      await fetch(`${process.env.SEMANTEST_CONNECTIONS_ENDPOINT}/@connections/${connectionId}`, {
        method: "POST",
        body: JSON.stringify({ type: eventType, body: event.body, principal: authorizer?.principalId }),
      });
      return { statusCode: 200 };
    };
    """

    @pytest.fixture
    def section(self, tmp_path: Path) -> Mapping[str, Any]:
        folder = tmp_path / "own"
        folder.mkdir()
        (folder / "index.js").write_text(self.NODE, encoding="utf-8")
        return {"source": str(folder), "handler": "index.handler"}

    async def test_in_node_answers_through_the_management_api(
        self, deploy: DeployWebSocket, clients: MemoryClients, section: Mapping[str, Any]
    ) -> None:
        async with deploy(**section, **AUTHORIZED) as service:
            await service.connect("a", token(sub="me"))
            assert await service.deliver("a", "not json at all")

        assert clients.received["a"] == [{"type": "MESSAGE", "body": "not json at all", "principal": "me"}]

    async def test_may_refuse_a_client(self, deploy: DeployWebSocket, section: Mapping[str, Any]) -> None:
        async with deploy(**section) as service:
            assert await service.connect("a", Handshake(headers=(("X-Refuse", "yes"),))) == 403

    @pytest.mark.parametrize(("offered", "chosen"), [("v2,v1", "v2"), ("", "")], ids=["several", "none"])
    async def test_may_choose_a_subprotocol(
        self, deploy: DeployWebSocket, section: Mapping[str, Any], offered: str, chosen: str
    ) -> None:
        async with deploy(**section) as service:
            await service.connect("a", Handshake(headers=(("Sec-WebSocket-Protocol", offered),)))

            assert service.subprotocol_of("a") == chosen

    async def test_sends_an_error_to_the_client_if_it_fails(
        self, deploy: DeployWebSocket, clients: MemoryClients, section: Mapping[str, Any]
    ) -> None:
        async with deploy(**section) as service:
            await service.connect("a", Handshake())
            assert not await service.deliver("a", "die")

        assert clients.types("a") == ["Internal server error"]
