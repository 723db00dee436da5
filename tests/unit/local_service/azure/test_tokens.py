"""Client tokens of Web PubSub and identity tokens of Entra on this machine."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from semantest_iac.infrastructure.local_service.azure.tokens import (
    HubTokens,
    _generate_key,
    issue_identity_token,
    load_hub_tokens,
)
from semantest_iac.infrastructure.local_service.tokens.json_web_tokens import sign_hs256_token
from semantest_iac.infrastructure.local_service.web_socket_service import Handshake

AUDIENCE = "https://x.webpubsub.azure.com/client/hubs/semantest"


def by_query(token: str) -> Handshake:
    return Handshake((("access_token", token),))


class TestHubTokens:
    @pytest.mark.parametrize("location", ["query", "header"])
    def test_accept_issued_tokens(self, location: str) -> None:
        tokens = HubTokens(AUDIENCE)
        token = tokens.issue("ann", 5)
        handshake = (
            by_query(token) if location == "query" else Handshake(headers=(("Authorization", f"Bearer {token}"),))
        )

        claims = tokens.verify_claims_if_sent(handshake)
        assert claims is not None
        assert (claims["sub"], claims["exp"] - claims["iat"]) == ("ann", 300)

    def test_may_name_no_user(self) -> None:
        tokens = HubTokens(AUDIENCE)

        assert "sub" not in (tokens.verify_claims_if_sent(by_query(tokens.issue("", 1))) or {"sub": ""})

    def test_have_no_claims_without_a_token(self) -> None:
        assert HubTokens(AUDIENCE).verify_claims_if_sent(Handshake(headers=(("Authorization", "Basic x"),))) == {}

    @pytest.mark.parametrize(
        "changed",
        [{"exp": 1}, {"nbf": 9e9}, {"aud": "https://other.example"}, {"aud": None}],
        ids=["expired", "early", "another-hub", "no-hub"],
    )
    def test_refuse_tokens_of_another_time_or_hub(self, changed: dict[str, Any]) -> None:
        tokens, now = HubTokens(AUDIENCE), int(time.time())
        claims = {"aud": AUDIENCE, "nbf": now, "exp": now + 60}

        assert tokens.verify_claims_if_sent(by_query(sign_hs256_token({**claims, **changed}, tokens.key))) is None

    @pytest.mark.parametrize("token", ["x", "a.b.c", "a.W10.c", "é.é.é", "." * 9, "a" * 9000])
    def test_refuse_other_text(self, token: str) -> None:
        assert HubTokens(AUDIENCE).verify_claims_if_sent(by_query(token)) is None

    def test_refuse_tokens_with_another_key(self) -> None:
        assert HubTokens(AUDIENCE).verify_claims_if_sent(by_query(HubTokens(AUDIENCE).issue("ann", 5))) is None

    def test_are_the_same_for_all_versions_of_a_hub(self) -> None:
        stores: dict[str, Any] = {}

        assert load_hub_tokens(AUDIENCE, stores) is load_hub_tokens(AUDIENCE, stores)


class TestIdentityToken:
    def test_has_the_same_key_if_the_first_ones_are_issued_concurrently(self) -> None:
        _generate_key.cache_clear()

        def issue(number: int) -> list[str]:
            return issue_identity_token("tenant", "principal", "audience").split(".")

        with ThreadPoolExecutor(8) as threads:
            parts = [*threads.map(issue, range(8))]
        assert len({signature for _, _, signature in parts}) == len({claims for _, claims, _ in parts})
