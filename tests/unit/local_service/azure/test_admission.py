"""Web PubSub's own tokens on this machine."""

from __future__ import annotations

import time
from typing import Any

import pytest

from semantest_iac.infrastructure.local_service.azure.admission import Admission, admission
from semantest_iac.infrastructure.local_service.socket_tokens import signed
from semantest_iac.infrastructure.local_service.sockets import Handshake

AUDIENCE = "https://x.webpubsub.azure.com/client/hubs/semantest"


def by_query(token: str) -> Handshake:
    return Handshake((("access_token", token),))


class TestAdmission:
    @pytest.mark.parametrize("way", ["query", "header"])
    def test_knows_the_tokens_that_it_gave(self, way: str) -> None:
        service = Admission(AUDIENCE)
        token = service.given("ann", 5)
        shown = by_query(token) if way == "query" else Handshake(headers=(("Authorization", f"Bearer {token}"),))

        claims = service.shown(shown)
        assert claims is not None
        assert (claims["sub"], claims["exp"] - claims["iat"]) == ("ann", 300)

    def test_may_name_nobody(self) -> None:
        service = Admission(AUDIENCE)

        assert "sub" not in (service.shown(by_query(service.given("", 1))) or {"sub": ""})

    def test_says_where_nothing_is_shown(self) -> None:
        assert Admission(AUDIENCE).shown(Handshake(headers=(("Authorization", "Basic x"),))) == {}

    @pytest.mark.parametrize(
        "changed",
        [{"exp": 1}, {"nbf": 9e9}, {"aud": "https://other.example"}, {"aud": None}],
        ids=["over", "early", "another-hub", "no-hub"],
    )
    def test_knows_none_of_another_time_or_place(self, changed: dict[str, Any]) -> None:
        service, now = Admission(AUDIENCE), int(time.time())
        claims = {"aud": AUDIENCE, "nbf": now, "exp": now + 60}

        assert service.shown(by_query(signed({**claims, **changed}, service.key))) is None

    @pytest.mark.parametrize("token", ["x", "a.b.c", "a.W10.c", "é.é.é", "." * 9, "a" * 9000])
    def test_knows_no_nonsense(self, token: str) -> None:
        assert Admission(AUDIENCE).shown(by_query(token)) is None

    def test_knows_none_of_another_hub_s(self) -> None:
        assert Admission(AUDIENCE).shown(by_query(Admission(AUDIENCE).given("ann", 5))) is None

    def test_is_one_through_all_versions_of_a_hub(self) -> None:
        stores: dict[str, Any] = {}

        assert admission(AUDIENCE, stores) is admission(AUDIENCE, stores)
