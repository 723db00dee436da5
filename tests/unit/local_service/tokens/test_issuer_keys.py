"""Signatures of tokens are verified with what their issuers publish."""

from __future__ import annotations

from typing import Any

import pytest

from semantest_iac.domain.networking.http_exchange import HttpRequest
from semantest_iac.infrastructure.local_service.tokens.issuer_keys import IssuerKeys, fetch_document
from semantest_iac.infrastructure.local_service.tokens.json_web_tokens import JwtRules, KeyFetching, WrongTokenError
from tests.issuers import Issuer, publish_key

DAY_S, PAUSE_S, AFTER_FAILURE_S = 86_400, 300, 5
RULES = JwtRules(
    "https://login.example.org", ("us",), fetching=KeyFetching(DAY_S, PAUSE_S, AFTER_FAILURE_S), needs_scheme=False
)


class Verifier:
    """Verifies tokens of one issuer, by a clock of its own."""

    def __init__(self) -> None:
        self.issuer, self.now = Issuer(), 0.0
        self.keys = IssuerKeys(self.issuer.fetch, lambda: self.now)

    async def fault(self, text: str) -> str:
        token = RULES.read_token(HttpRequest("GET", "/", headers=(("authorization", text),)))
        try:
            await self.keys.verify(RULES, token)
        except WrongTokenError as error:
            return str(error)
        return ""


@pytest.fixture
def verifier() -> Verifier:
    return Verifier()


async def test_a_token_of_the_issuer_is_accepted_and_its_keys_are_fetched_once(verifier: Verifier) -> None:
    assert [await verifier.fault(verifier.issuer.sign()) for _ in range(3)] == ["", "", ""]
    assert verifier.issuer.fetched == [
        "https://login.example.org/.well-known/openid-configuration",
        "https://login.example.org/keys",
    ]


@pytest.mark.parametrize(
    ("token", "reason"),
    [({"signer": "2"}, "signature is wrong"), ({"header": {"kid": "2"}}, "no key with its id")],
    ids=["forged", "unknown key"],
)
async def test_another_token_is_refused(verifier: Verifier, token: dict[str, Any], reason: str) -> None:
    assert reason in await verifier.fault(verifier.issuer.sign(**token))


@pytest.mark.parametrize(
    "key",
    [
        publish_key(use="enc"),
        publish_key(kty="EC"),
        publish_key(n="AQAB"),
        publish_key(n="%"),
        {"kty": "RSA", "kid": "1"},
    ],
    ids=["for encryption", "other kind", "short", "no number", "without numbers"],
)
async def test_keys_that_sign_nothing_are_left_out(verifier: Verifier, key: dict[str, Any]) -> None:
    verifier.issuer.keys = [key]

    assert "publishes no key" in await verifier.fault(verifier.issuer.sign())


async def test_a_new_key_is_found_after_the_pause(verifier: Verifier) -> None:
    new = verifier.issuer.sign(signer="2", header={"kid": "2"})
    assert await verifier.fault(verifier.issuer.sign()) == ""
    verifier.issuer.keys = [publish_key("1"), publish_key("2")]
    early = await verifier.fault(new)
    verifier.now += PAUSE_S

    assert "no key with its id" in early
    assert await verifier.fault(new) == ""


async def test_a_key_that_is_published_no_more_holds_until_its_keys_are_too_old(verifier: Verifier) -> None:
    token = verifier.issuer.sign()
    assert await verifier.fault(token) == ""
    verifier.issuer.keys = [publish_key("2")]
    verifier.now += DAY_S - 1
    before = await verifier.fault(token)
    verifier.now += 1

    assert (before, await verifier.fault(token)) == ("", "its issuer publishes no key with its id")


@pytest.mark.parametrize("fault", [OSError("no route"), ValueError("no JSON"), TypeError("no object")], ids=repr)
async def test_tokens_are_refused_while_the_keys_are_not_available(verifier: Verifier, fault: Exception) -> None:
    verifier.issuer.fault = fault
    first = await verifier.fault(verifier.issuer.sign())
    verifier.issuer.fault = None
    early, asked = await verifier.fault(verifier.issuer.sign()), len(verifier.issuer.fetched)
    verifier.now += AFTER_FAILURE_S

    assert first == early == f"the keys of https://login.example.org are not available ({fault})"
    assert asked == 1
    assert await verifier.fault(verifier.issuer.sign()) == ""


async def test_known_keys_are_used_on_where_the_issuer_is_gone(verifier: Verifier) -> None:
    assert await verifier.fault(verifier.issuer.sign()) == ""
    verifier.issuer.fault = OSError("no route")
    verifier.now += DAY_S + 1

    assert await verifier.fault(verifier.issuer.sign()) == ""


@pytest.mark.parametrize("url", ["http://login.example.org/keys", "file:///etc/hostname"])
def test_nothing_but_https_is_asked(url: str) -> None:
    with pytest.raises(ValueError, match="https alone"):
        fetch_document(url)
