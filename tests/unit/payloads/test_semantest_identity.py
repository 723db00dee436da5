"""Whose tokens count as Web PubSub's own."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from tests.contract.websocket_service.payload import shipped
from tests.fakes.entra import CLAIMS, NOW, PRINCIPAL, TENANT, V2_ISSUER, key, published, text, token


class Directory:
    """Publishes keys, and counts how often it was asked."""

    def __init__(self, *keys: Mapping[str, Any]) -> None:
        self.keys: Iterable[Mapping[str, Any]] = keys
        self.asked = 0
        self.now = 0.0

    def __call__(self) -> Iterable[Mapping[str, Any]]:
        """What is published now; raises OSError where nothing is."""
        self.asked += 1
        if not self.keys:
            raise OSError("nobody answers")
        return self.keys


def module() -> Any:
    shipped("websocket_authorizer", "semantest_tokens")
    return shipped("websocket_azure", "semantest_identity")


def identity(directory: Directory | None = None, principal: str = PRINCIPAL) -> Any:
    directory = directory or Directory(published())
    keys = module().Keys(directory, lambda: directory.now)
    return module().Identity(TENANT, principal, keys, lambda: NOW + directory.now)


def reason(authorization: str, who: Any = None) -> str:
    """Why somebody is refused."""
    with pytest.raises(shipped("websocket_authorizer", "semantest_tokens").TokenError) as caught:
        (who or identity()).check(authorization)
    return str(caught.value)


class TestIdentity:
    @pytest.mark.parametrize(
        "claims",
        [{}, {"iss": V2_ISSUER}, {"aud": "https://webpubsub.azure.com/"}, {"exp": NOW - 20}],
        ids=["first-form", "second-form", "slash", "just-over"],
    )
    def test_is_shown_by_a_token_of_the_directory(self, claims: dict[str, Any]) -> None:
        identity().check(f"Bearer {token(claims)}")

    @pytest.mark.parametrize(
        ("claims", "why"),
        [
            ({"oid": "66666666-2222-4333-8444-555555555555"}, "it is that of another identity"),
            ({"oid": None}, "it is that of another identity"),
            ({"iss": "https://sts.windows.net/another/"}, "its issuer is another"),
            ({"aud": "https://management.azure.com"}, "it is meant for others"),
            ({"exp": NOW - 31}, "its time is over"),
            ({"nbf": NOW + 31}, "its time has not come"),
        ],
        ids=["another", "nobody", "issuer", "audience", "over", "early"],
    )
    def test_is_no_other_and_shown_now_and_to_us(self, claims: dict[str, Any], why: str) -> None:
        assert reason(f"Bearer {token(claims)}") == why

    @pytest.mark.parametrize("said", ["", "Bearer", "Bearer ", "Basic eDp5"], ids=repr)
    def test_is_not_shown_by_nothing(self, said: str) -> None:
        assert reason(said) in ("no identity is shown", "it is not a token")

    def test_is_nobody_where_none_was_told(self) -> None:
        assert reason(f"Bearer {token({'oid': ''})}", identity(principal="")) == "no identity is shown"

    @pytest.mark.parametrize("by", ["k2", "k3"])
    def test_is_not_shown_by_what_another_key_has_signed(self, by: str) -> None:
        assert reason(f"Bearer {token(by=by)}", identity(Directory(published(), published("k2")))) == (
            "its signature is wrong"
        )

    def test_is_not_shown_by_a_key_that_nobody_published(self) -> None:
        assert reason(f"Bearer {token(by='k3', kid='k3')}") == "its signature is wrong"

    @pytest.mark.parametrize("algorithm", ["none", "HS256", "RS512", "rs256", None], ids=str)
    def test_is_shown_by_one_way_of_signing_alone(self, algorithm: str | None) -> None:
        assert reason(f"Bearer {token(alg=algorithm)}") == "it is not signed with RS256"

    def test_does_not_take_what_is_public_for_a_shared_secret(self) -> None:
        header = text(json.dumps({"alg": "HS256", "kid": "k1"}).encode())
        signed = f"{header}.{text(json.dumps(CLAIMS).encode())}"
        mark = hmac.new(published()["n"].encode(), signed.encode(), hashlib.sha256).digest()

        assert reason(f"Bearer {signed}.{text(mark)}") == "it is not signed with RS256"

    def test_counts_until_it_ends(self) -> None:
        directory = Directory(published())
        who, shown = identity(directory), f"Bearer {token()}"
        who.check(shown)
        directory.keys = ()

        who.check(shown)
        directory.now = 3700.0
        assert reason(shown, who) == "its time is over"


class TestKey:
    @pytest.mark.parametrize("at", [0, 1, 100, 255], ids=str)
    def test_has_not_signed_what_was_changed(self, at: int) -> None:
        mark = bytearray(key().sign(b"data", padding.PKCS1v15(), hashes.SHA256()))
        mark[at] ^= 1

        assert module().key_of(published()).has_signed(b"data", bytes(mark)) is False

    @pytest.mark.parametrize(
        "block",
        [
            lambda said: b"\x00\x01" + b"\xff" * 8 + b"\x00" + said + b"\x00" * (256 - 11 - len(said)),
            lambda said: b"\x00\x02" + b"\xff" * (256 - 3 - len(said)) + b"\x00" + said,
            lambda said: b"\x00\x01" + b"\xff" * (255 - 3 - len(said)) + b"\x00" + said + b"\x00",
            lambda said: b"\x00\x01" + b"\xff" * (256 - 3 - 32) + b"\x00" + said[-32:],
        ],
        ids=["short-padding", "other-kind", "trailing-byte", "no-name-of-the-hash"],
    )
    def test_takes_no_block_but_the_one_that_there_may_be(self, block: Any) -> None:
        numbers = key().private_numbers()
        said = module().SHA256_INFO + hashlib.sha256(b"data").digest()
        mark = pow(int.from_bytes(block(said), "big"), numbers.d, numbers.public_numbers.n).to_bytes(256, "big")

        assert module().key_of(published()).has_signed(b"data", mark) is False

    def test_takes_no_signature_beyond_its_own_size(self) -> None:
        mark = key().sign(b"data", padding.PKCS1v15(), hashes.SHA256())
        larger = (int.from_bytes(mark, "big") + key().public_key().public_numbers().n).to_bytes(257, "big")

        found = module().key_of(published())
        assert [found.has_signed(b"data", each) for each in (mark, larger, b"\x00" + mark, mark[1:], b"")] == [
            True,
            *[False] * 4,
        ]

    @pytest.mark.parametrize(
        "more",
        [{"kty": "EC"}, {"use": "enc"}, {"n": "AQAB"}, {"e": "AQ"}, {"e": "Ag"}, {"n": "!"}, {"n": "_" * 1367}],
        ids=["kind", "use", "small", "one", "even", "unreadable", "large"],
    )
    def test_is_none_of_another_kind_or_size(self, more: dict[str, Any]) -> None:
        assert module().key_of(published(**more)) is None

    def test_is_none_of_half_the_size(self) -> None:
        assert module().key_of(published("weak", 1024)) is None


class TestKeys:
    def test_are_asked_for_once(self) -> None:
        directory = Directory(published())
        keys = module().Keys(directory, lambda: directory.now)

        assert [bool(keys.find(name)) for name in ("k1", "k1", "x", "y", "x")] == [True, True, False, False, False]
        assert directory.asked == 1

    def test_are_asked_for_anew_when_one_is_unknown_some_minutes_later(self) -> None:
        directory = Directory(published())
        keys = module().Keys(directory, lambda: directory.now)
        keys.find("k1")
        directory.keys, directory.now = (published("k2"),), 301.0

        assert (bool(keys.find("k2")), keys.find("k1")) == (True, None)

    def test_are_looked_at_every_day(self) -> None:
        directory = Directory(published())
        keys = module().Keys(directory, lambda: directory.now)
        keys.find("k1")
        directory.keys, directory.now = (published("k2"),), 24 * 3600.0

        assert keys.find("k1") is None

    def test_outlive_a_directory_that_does_not_answer(self) -> None:
        directory = Directory(published())
        keys = module().Keys(directory, lambda: directory.now)
        keys.find("k1")
        directory.keys, directory.now = (), 24 * 3600.0

        assert keys.find("k1") is not None

    @pytest.mark.parametrize("said", [(), (7,)], ids=["silence", "nonsense"])
    def test_are_asked_for_again_soon_where_none_could_be_had(self, said: Any) -> None:
        directory = Directory(*said)
        who, shown = identity(directory), f"Bearer {token()}"
        assert reason(shown, who) == "the keys of its directory cannot be had"
        directory.keys, directory.now = (published(),), 5.0

        who.check(shown)


class TestIdentityOfTheEnvironment:
    @pytest.mark.parametrize("authority", ["http://login.example", "ftp://127.0.0.1", "login.example"])
    def test_asks_nobody_on_a_way_that_others_could_change(
        self, authority: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SEMANTEST_AUTHORITY", authority)
        module().identity.cache_clear()

        with pytest.raises(ValueError, match="must begin with https"):
            module().identity()
