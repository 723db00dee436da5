"""Web PubSub's own tokens on this machine."""

from __future__ import annotations

import time
from typing import Any

import pytest

from semantest_iac.infrastructure.local_service.azure.tokens import HubTokens, load_hub_tokens
from semantest_iac.infrastructure.local_service.json_web_tokens import sign_hs256_token
from semantest_iac.infrastructure.local_service.web_socket_service import Handshake

AUDIENCE = "https://x.webpubsub.azure.com/client/hubs/semantest"


def by_query(token: str) -> Handshake:
    return Handshake((("access_token", token),))


class TestAdmission:
    @pytest.mark.parametrize("way", ["query", "header"])
    def test_knows_the_tokens_that_it_gave(self, way: str) -> None:
        service = HubTokens(AUDIENCE)
        token = service.given("ann", 5)
        shown = by_query(token) if way == "query" else Handshake(headers=(("Authorization", f"Bearer {token}"),))

        claims = service.shown(shown)
        assert claims is not None
        assert (claims["sub"], claims["exp"] - claims["iat"]) == ("ann", 300)

    def test_may_name_nobody(self) -> None:
        service = HubTokens(AUDIENCE)

        assert "sub" not in (service.shown(by_query(service.given("", 1))) or {"sub": ""})

    def test_says_where_nothing_is_shown(self) -> None:
        assert HubTokens(AUDIENCE).shown(Handshake(headers=(("Authorization", "Basic x"),))) == {}

    @pytest.mark.parametrize(
        "changed",
        [{"exp": 1}, {"nbf": 9e9}, {"aud": "https://other.example"}, {"aud": None}],
        ids=["over", "early", "another-hub", "no-hub"],
    )
    def test_knows_none_of_another_time_or_place(self, changed: dict[str, Any]) -> None:
        service, now = HubTokens(AUDIENCE), int(time.time())
        claims = {"aud": AUDIENCE, "nbf": now, "exp": now + 60}

        assert service.shown(by_query(sign_hs256_token({**claims, **changed}, service.key))) is None

    @pytest.mark.parametrize("token", ["x", "a.b.c", "a.W10.c", "é.é.é", "." * 9, "a" * 9000])
    def test_knows_no_nonsense(self, token: str) -> None:
        assert HubTokens(AUDIENCE).shown(by_query(token)) is None

    def test_knows_none_of_another_hub_s(self) -> None:
        assert HubTokens(AUDIENCE).shown(by_query(HubTokens(AUDIENCE).given("ann", 5))) is None

    def test_is_one_through_all_versions_of_a_hub(self) -> None:
        stores: dict[str, Any] = {}

        assert load_hub_tokens(AUDIENCE, stores) is load_hub_tokens(AUDIENCE, stores)
