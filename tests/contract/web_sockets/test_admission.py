"""Which clients are admitted: all in development, elsewhere those with a valid token."""

from __future__ import annotations

import time
from typing import Any

import pytest
from aiohttp import WSServerHandshakeError

from semantest_iac.infrastructure.local_service.tokens.json_web_tokens import sign_hs256_token
from tests.contract.web_sockets.clients import StackClients
from tests.contract.web_sockets.variants import SANDBOX_VARIANTS, SECRET

pytestmark = pytest.mark.parametrize("variant", SANDBOX_VARIANTS, ids=str, indirect=True)

GOOD = {"sub": "ann"}
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "expired": ({"exp": 1}, SECRET),
    "not yet": ({"nbf": 4102444800}, SECRET),
    "without an expiry": ({"exp": None}, SECRET),
    "signed with another secret": ({}, "another secret"),
    "signed with nothing": ({}, ""),
}


def query(secret: str = SECRET, **claims: Any) -> str:
    all_claims = {**GOOD, "exp": int(time.time()) + 3600, **claims}
    return (
        f"?token={sign_hs256_token({name: value for name, value in all_claims.items() if value is not None}, secret)}"
    )


async def refusal(clients: StackClients, query: str) -> int:
    with pytest.raises(WSServerHandshakeError) as refusal:
        await clients.connect(query)
    return refusal.value.status


class TestToken:
    async def test_admits_a_client(self, authorized_clients: StackClients) -> None:
        cli, extension = [await authorized_clients.join(kind, query()) for kind in ("cli", "extension")]

        await cli.send(type="ImageGenerationRequestedEvent", requestId="r1")
        assert (await extension.receive())["type"] == "generate_image"

    @pytest.mark.parametrize("text", ["", "?token=", "?token=x", "?token=a.b.c", "?Token=x"])
    async def test_that_is_missing_or_malformed_is_refused(self, authorized_clients: StackClients, text: str) -> None:
        assert await refusal(authorized_clients, text) == 401

    @pytest.mark.parametrize(("claims", "secret"), REFUSED.values(), ids=REFUSED)
    async def test_that_is_invalid_is_refused(
        self, authorized_clients: StackClients, claims: dict[str, Any], secret: str
    ) -> None:
        assert await refusal(authorized_clients, query(secret, **claims)) == 401

    async def test_with_a_changed_expiry_is_refused(self, authorized_clients: StackClients) -> None:
        head, _, signature = query(exp=1).split(".")
        _, body, _ = query().split(".")

        assert await refusal(authorized_clients, ".".join((head, body, signature))) == 401

    async def test_determines_the_kind_of_its_client(self, authorized_clients: StackClients) -> None:
        client = await authorized_clients.connect(query(clientType="cli"))

        await client.send(type="authenticate", clientType="extension")
        assert [(await client.receive())["type"] for _ in range(2)] == ["welcome", "error"]

    async def test_is_not_required_in_development(self, clients: StackClients) -> None:
        assert (await clients.join("cli", "?token=anything")).id
