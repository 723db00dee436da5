"""Who is let in: everybody in development, elsewhere those with a token."""

from __future__ import annotations

import time
from typing import Any

import pytest
from aiohttp import WSServerHandshakeError

from semantest_iac.infrastructure.local_service.json_web_tokens import sign_hs256_token
from tests.contract.web_sockets.clients import Room
from tests.contract.web_sockets.places import SECRET

GOOD = {"sub": "ann"}
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "expired": ({"exp": 1}, SECRET),
    "not yet": ({"nbf": 4102444800}, SECRET),
    "without an end": ({"exp": None}, SECRET),
    "signed by others": ({}, "another secret"),
    "signed with nothing": ({}, ""),
}


def query(secret: str = SECRET, **claims: Any) -> str:
    said = {**GOOD, "exp": int(time.time()) + 3600, **claims}
    return f"?token={sign_hs256_token({name: value for name, value in said.items() if value is not None}, secret)}"


async def refusal(room: Room, query: str) -> int:
    with pytest.raises(WSServerHandshakeError) as refusal:
        await room.connect(query)
    return refusal.value.status


class TestToken:
    async def test_lets_a_client_in_to_talk(self, guarded: Room) -> None:
        asker, extension = [await guarded.join(kind, query()) for kind in ("cli", "extension")]

        await asker.say(type="ImageGenerationRequestedEvent", requestId="r1")
        assert (await extension.hear())["type"] == "generate_image"

    @pytest.mark.parametrize("text", ["", "?token=", "?token=x", "?token=a.b.c", "?Token=x"])
    async def test_that_is_none_is_refused(self, guarded: Room, text: str) -> None:
        assert await refusal(guarded, text) == 401

    @pytest.mark.parametrize(("claims", "secret"), REFUSED.values(), ids=REFUSED)
    async def test_that_is_not_for_now_or_not_of_us_is_refused(
        self, guarded: Room, claims: dict[str, Any], secret: str
    ) -> None:
        assert await refusal(guarded, query(secret, **claims)) == 401

    async def test_whose_end_was_put_off_by_its_bearer_is_refused(self, guarded: Room) -> None:
        head, _, signature = query(exp=1).split(".")
        _, body, _ = query().split(".")

        assert await refusal(guarded, ".".join((head, body, signature))) == 401

    async def test_settles_what_its_client_may_be(self, guarded: Room) -> None:
        client = await guarded.connect(query(clientType="cli"))

        await client.say(type="authenticate", clientType="extension")
        assert [(await client.hear())["type"] for _ in range(2)] == ["welcome", "error"]

    async def test_is_asked_of_nobody_in_development(self, room: Room) -> None:
        assert (await room.join("cli", "?token=anything")).id
