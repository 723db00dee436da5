"""Handshakes of WebSocket clients."""

from __future__ import annotations

import pytest

from semantest_iac.domain.networking.http_exchange import Pairs
from semantest_iac.infrastructure.local_service.web_socket_service import Handshake


class TestHandshake:
    @pytest.mark.parametrize(
        ("headers", "offered"),
        [
            ((), []),
            ((("Sec-WebSocket-Protocol", "a, b"), ("sec-websocket-protocol", "c,")), ["a", "b", "c"]),
        ],
        ids=["nothing", "two headers"],
    )
    def test_offers_subprotocols_in_order(self, headers: Pairs, offered: list[str]) -> None:
        assert Handshake(headers=headers).subprotocols == offered
