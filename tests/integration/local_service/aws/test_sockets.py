"""What API Gateway's WebSocket APIs alone do."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from semantest_iac.infrastructure.local_service.web_socket_service import SWITCHING_PROTOCOLS, Handshake
from tests.integration.local_service.clients import Memory
from tests.integration.local_service.conftest import AWS, GUARDED, Deployed, token

pytestmark = pytest.mark.parametrize("stack", [AWS], ids=["aws"], indirect=True)


class TestThrottling:
    async def test_refuses_what_is_over_the_limit_of_the_stage(self, deployed: Deployed, clients: Memory) -> None:
        async with deployed(throttling={"rate": 0.001, "burst": 2}) as service:
            assert [await service.connect(id, Handshake()) for id in "abc"] == [
                SWITCHING_PROTOCOLS,
                SWITCHING_PROTOCOLS,
                429,
            ]
            assert [await service.receive("a", '{"type": "ping"}') for _ in range(3)] == [True, True, False]

        assert clients.types("a")[-1] == "Too Many Requests"


class TestOwnHandler:
    NODE = """
    exports.handler = async (event) => {
      const { eventType, connectionId, authorizer } = event.requestContext;
      if (event.body === "die") throw new Error("told to");
      if (eventType === "CONNECT") {
        const [first] = (event.headers["Sec-WebSocket-Protocol"] ?? "").split(",");
        const statusCode = event.headers["X-Door"] === "shut" ? 403 : 200;
        return { statusCode, headers: { "sec-websocket-protocol": first } };
      }
      await fetch(`${process.env.SEMANTEST_CONNECTIONS_ENDPOINT}/@connections/${connectionId}`, {
        method: "POST", body: JSON.stringify({ type: eventType, body: event.body, who: authorizer?.principalId }) });
      return { statusCode: 200 };
    };
    """

    @pytest.fixture
    def section(self, tmp_path: Path) -> Mapping[str, Any]:
        folder = tmp_path / "own"
        folder.mkdir()
        (folder / "index.js").write_text(self.NODE, encoding="utf-8")
        return {"source": str(folder), "handler": "index.handler"}

    async def test_in_node_answers_by_way_of_the_cloud(
        self, deployed: Deployed, clients: Memory, section: Mapping[str, Any]
    ) -> None:
        async with deployed(**section, **GUARDED) as service:
            await service.connect("a", token(sub="me"))
            assert await service.receive("a", "not json at all")

        assert clients.heard["a"] == [{"type": "MESSAGE", "body": "not json at all", "who": "me"}]

    async def test_may_refuse_a_client(self, deployed: Deployed, section: Mapping[str, Any]) -> None:
        async with deployed(**section) as service:
            assert await service.connect("a", Handshake(headers=(("X-Door", "shut"),))) == 403

    @pytest.mark.parametrize(("offered", "agreed"), [("v2,v1", "v2"), ("", "")], ids=["several", "none"])
    async def test_may_agree_on_a_subprotocol(
        self, deployed: Deployed, section: Mapping[str, Any], offered: str, agreed: str
    ) -> None:
        async with deployed(**section) as service:
            await service.connect("a", Handshake(headers=(("Sec-WebSocket-Protocol", offered),)))

            assert service.subprotocol("a") == agreed

    async def test_that_fails_is_told_to_the_client(
        self, deployed: Deployed, clients: Memory, section: Mapping[str, Any]
    ) -> None:
        async with deployed(**section) as service:
            await service.connect("a", Handshake())
            assert not await service.receive("a", "die")

        assert clients.types("a") == ["Internal server error"]
