"""Which tokens prove that Web PubSub sent an event."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from tests.contract.websocket_service.payload import import_payload
from tests.fakes.entra import CLAIMS, NOW, PRINCIPAL, TENANT, V2_ISSUER, base64url, key, published_key, token


class FakeDirectory:
    """Publishes keys, and counts the fetches."""

    def __init__(self, *keys: Mapping[str, Any]) -> None:
        self.keys: Iterable[Mapping[str, Any]] = keys
        self.fetches = 0
        self.now = 0.0

    def __call__(self) -> Iterable[Mapping[str, Any]]:
        """Raises OSError if nothing is published."""
        self.fetches += 1
        if not self.keys:
            raise OSError("no answer")
        return self.keys


def module() -> Any:
    import_payload("websocket_authorizer", "semantest_tokens")
    return import_payload("websocket_azure", "semantest_identity")


def identity(directory: FakeDirectory | None = None, principal: str = PRINCIPAL) -> Any:
    directory = directory or FakeDirectory(published_key())
    keys = module().PublishedKeys(directory, lambda: directory.now)
    return module().SenderIdentity(TENANT, principal, keys, lambda: NOW + directory.now)


def reason(authorization: str, sender: Any = None) -> str:
    """Why a header is refused."""
    with pytest.raises(import_payload("websocket_authorizer", "semantest_tokens").TokenError) as caught:
        (sender or identity()).check(authorization)
    return str(caught.value)


class TestSenderIdentity:
    @pytest.mark.parametrize(
        "claims",
        [{}, {"iss": V2_ISSUER}, {"aud": "https://webpubsub.azure.com/"}, {"exp": NOW - 20}],
        ids=["first-form", "second-form", "slash", "just-expired"],
    )
    def test_accepts_a_token_of_the_directory(self, claims: dict[str, Any]) -> None:
        identity().check(f"Bearer {token(claims)}")

    @pytest.mark.parametrize(
        ("claims", "why"),
        [
            ({"oid": "66666666-2222-4333-8444-555555555555"}, "it belongs to another identity"),
            ({"oid": None}, "it belongs to another identity"),
            ({"iss": "https://sts.windows.net/another/"}, "it has another issuer"),
            ({"aud": "https://management.azure.com"}, "it has another audience"),
            ({"exp": NOW - 31}, "it has expired"),
            ({"nbf": NOW + 31}, "it is not valid yet"),
        ],
        ids=["another", "nobody", "issuer", "audience", "expired", "early"],
    )
    def test_refuses_other_claims(self, claims: dict[str, Any], why: str) -> None:
        assert reason(f"Bearer {token(claims)}") == why

    @pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer ", "Basic eDp5"], ids=repr)
    def test_refuses_a_header_without_a_token(self, authorization: str) -> None:
        assert reason(authorization) in ("there is no token", "it is not a token")

    def test_accepts_nobody_without_a_principal(self) -> None:
        assert reason(f"Bearer {token({'oid': ''})}", identity(principal="")) == "there is no token"

    @pytest.mark.parametrize("by", ["k2", "k3"])
    def test_refuses_the_signature_of_another_key(self, by: str) -> None:
        assert reason(f"Bearer {token(by=by)}", identity(FakeDirectory(published_key(), published_key("k2")))) == (
            "its signature is wrong"
        )

    def test_refuses_a_key_that_is_not_published(self) -> None:
        assert reason(f"Bearer {token(by='k3', kid='k3')}") == "its signature is wrong"

    @pytest.mark.parametrize("algorithm", ["none", "HS256", "RS512", "rs256", None], ids=str)
    def test_accepts_one_algorithm(self, algorithm: str | None) -> None:
        assert reason(f"Bearer {token(alg=algorithm)}") == "it is not signed with RS256"

    def test_does_not_use_a_public_key_as_a_shared_secret(self) -> None:
        header = base64url(json.dumps({"alg": "HS256", "kid": "k1"}).encode())
        signed = f"{header}.{base64url(json.dumps(CLAIMS).encode())}"
        mark = hmac.new(published_key()["n"].encode(), signed.encode(), hashlib.sha256).digest()

        assert reason(f"Bearer {signed}.{base64url(mark)}") == "it is not signed with RS256"

    def test_accepts_a_verified_token_until_it_expires(self) -> None:
        directory = FakeDirectory(published_key())
        sender, authorization = identity(directory), f"Bearer {token()}"
        sender.check(authorization)
        directory.keys = ()

        sender.check(authorization)
        directory.now = 3700.0
        assert reason(authorization, sender) == "it has expired"


class TestPublicKey:
    @pytest.mark.parametrize("at", [0, 1, 100, 255], ids=str)
    def test_refuses_a_changed_signature(self, at: int) -> None:
        mark = bytearray(key().sign(b"data", padding.PKCS1v15(), hashes.SHA256()))
        mark[at] ^= 1

        assert module().read_key(published_key()).has_signed(b"data", bytes(mark)) is False

    @pytest.mark.parametrize(
        "block",
        [
            lambda digest: b"\x00\x01" + b"\xff" * 8 + b"\x00" + digest + b"\x00" * (256 - 11 - len(digest)),
            lambda digest: b"\x00\x02" + b"\xff" * (256 - 3 - len(digest)) + b"\x00" + digest,
            lambda digest: b"\x00\x01" + b"\xff" * (255 - 3 - len(digest)) + b"\x00" + digest + b"\x00",
            lambda digest: b"\x00\x01" + b"\xff" * (256 - 3 - 32) + b"\x00" + digest[-32:],
        ],
        ids=["short-padding", "other-kind", "trailing-byte", "no-hash-prefix"],
    )
    def test_accepts_only_the_one_valid_block(self, block: Any) -> None:
        numbers = key().private_numbers()
        digest = module().SHA256_INFO + hashlib.sha256(b"data").digest()
        mark = pow(int.from_bytes(block(digest), "big"), numbers.d, numbers.public_numbers.n).to_bytes(256, "big")

        assert module().read_key(published_key()).has_signed(b"data", mark) is False

    def test_accepts_only_signatures_of_its_size(self) -> None:
        mark = key().sign(b"data", padding.PKCS1v15(), hashes.SHA256())
        larger = (int.from_bytes(mark, "big") + key().public_key().public_numbers().n).to_bytes(257, "big")

        found = module().read_key(published_key())
        assert [found.has_signed(b"data", each) for each in (mark, larger, b"\x00" + mark, mark[1:], b"")] == [
            True,
            *[False] * 4,
        ]

    @pytest.mark.parametrize(
        "more",
        [{"kty": "EC"}, {"use": "enc"}, {"n": "AQAB"}, {"e": "AQ"}, {"e": "Ag"}, {"n": "!"}, {"n": "_" * 1367}],
        ids=["kind", "use", "small", "one", "even", "unreadable", "large"],
    )
    def test_must_have_an_accepted_kind_and_size(self, more: dict[str, Any]) -> None:
        assert module().read_key(published_key(**more)) is None

    def test_must_not_be_of_half_the_size(self) -> None:
        assert module().read_key(published_key("weak", 1024)) is None


class TestPublishedKeys:
    def test_are_fetched_once(self) -> None:
        directory = FakeDirectory(published_key())
        keys = module().PublishedKeys(directory, lambda: directory.now)

        assert [bool(keys.find(name)) for name in ("k1", "k1", "x", "y", "x")] == [True, True, False, False, False]
        assert directory.fetches == 1

    def test_are_fetched_again_for_an_unknown_key_after_some_minutes(self) -> None:
        directory = FakeDirectory(published_key())
        keys = module().PublishedKeys(directory, lambda: directory.now)
        keys.find("k1")
        directory.keys, directory.now = (published_key("k2"),), 301.0

        assert (bool(keys.find("k2")), keys.find("k1")) == (True, None)

    def test_are_fetched_again_after_a_day(self) -> None:
        directory = FakeDirectory(published_key())
        keys = module().PublishedKeys(directory, lambda: directory.now)
        keys.find("k1")
        directory.keys, directory.now = (published_key("k2"),), 24 * 3600.0

        assert keys.find("k1") is None

    def test_are_kept_if_the_directory_does_not_answer(self) -> None:
        directory = FakeDirectory(published_key())
        keys = module().PublishedKeys(directory, lambda: directory.now)
        keys.find("k1")
        directory.keys, directory.now = (), 24 * 3600.0

        assert keys.find("k1") is not None

    @pytest.mark.parametrize("keys", [(), (7,)], ids=["no-answer", "invalid"])
    def test_are_fetched_again_soon_after_a_failure(self, keys: Any) -> None:
        directory = FakeDirectory(*keys)
        sender, authorization = identity(directory), f"Bearer {token()}"
        assert reason(authorization, sender) == "the keys of its issuer are not available"
        directory.keys, directory.now = (published_key(),), 5.0

        sender.check(authorization)


class TestGetSenderIdentity:
    @pytest.mark.parametrize("authority", ["http://login.example", "ftp://127.0.0.1", "login.example"])
    def test_refuses_an_authority_without_tls(self, authority: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SEMANTEST_AUTHORITY", authority)
        module().get_sender_identity.cache_clear()

        with pytest.raises(ValueError, match="must begin with https"):
            module().get_sender_identity()
