"""Which tokens with a shared secret are valid."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from semantest_iac.infrastructure.local_service.tokens.json_web_tokens import sign_hs256_token
from tests.contract.websocket_service.payload import import_payload

SECRET = "a secret of some length"
NOW = 1_800_000_000.0
CLAIMS = {"sub": "me", "exp": NOW + 60, "iss": "us", "aud": ["a", "b"]}


def verify(token: str, secret: str = SECRET, **required: Any) -> Any:
    return import_payload("websocket_authorizer", "semantest_tokens").verify_token(token, secret, NOW, **required)


def reason(token: str, secret: str = SECRET, **required: Any) -> str:
    """Why a token is refused."""
    error = import_payload("websocket_authorizer", "semantest_tokens").TokenError
    with pytest.raises(error) as caught:
        verify(token, secret, **required)
    return str(caught.value)


def part(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


class TestVerifyToken:
    @pytest.mark.parametrize(
        "required", [{}, {"issuer": "us"}, {"audiences": ["b", "c"]}, {"issuer": "us", "audiences": ["a"]}], ids=str
    )
    def test_returns_the_claims(self, required: dict[str, Any]) -> None:
        assert verify(sign_hs256_token(CLAIMS, SECRET), **required) == CLAIMS

    def test_accepts_a_signature_of_other_software(self) -> None:
        token = (  # the sample of RFC 7519's most common debugger, without an expiry
            "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIiwiaWF0IjoxNTE2MjM5MDIyfQ"
            ".SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c"
        )

        assert reason(token, "your-256-bit-secret") == "it has no valid expiry"

    @pytest.mark.parametrize(
        ("claims", "required", "why"),
        [
            ({"exp": NOW - 31}, {}, "it has expired"),
            ({"nbf": NOW + 31}, {}, "it is not valid yet"),
            ({"exp": "tomorrow"}, {}, "it has no valid expiry"),
            ({"exp": True}, {}, "it has no valid expiry"),
            ({"nbf": "today"}, {}, "it has no valid expiry"),
            ({}, {"issuer": "them"}, "it has another issuer"),
            ({}, {"audiences": ["c"]}, "it has another audience"),
            ({"aud": "ab"}, {"audiences": ["a"]}, "it has another audience"),
            ({"aud": {"a": 1}}, {"audiences": ["a"]}, "it has another audience"),
            ({"aud": None}, {"audiences": ["a"]}, "it has another audience"),
        ],
        ids=str,
    )
    def test_refuses_other_claims(self, claims: dict[str, Any], required: dict[str, Any], why: str) -> None:
        assert reason(sign_hs256_token({**CLAIMS, **claims}, SECRET), **required) == why

    def test_refuses_another_signature(self) -> None:
        assert reason(sign_hs256_token(CLAIMS, "another")) == "its signature is wrong"

    def test_refuses_changed_claims(self) -> None:
        header, _, signature = sign_hs256_token(CLAIMS, SECRET).split(".")

        assert reason(f"{header}.{part({**CLAIMS, 'sub': 'root'})}.{signature}") == "its signature is wrong"

    @pytest.mark.parametrize(
        "header", [{"alg": "none"}, {"alg": "RS256"}, {}, {"alg": "HS256", "crit": ["x"]}], ids=str
    )
    def test_ignores_the_algorithm_of_the_token(self, header: dict[str, Any]) -> None:
        assert reason(f"{part(header)}.{part(CLAIMS)}.") == "it is not signed with HS256"

    @pytest.mark.parametrize(
        "token",
        [
            "",
            ".",
            "..",
            "a.b",
            "a.b.c.d",
            "\u00e9.\u00e9.\u00e9",
            "x" * 9000,
            f"{part(7)}.{part([])}.",
            "YQ.YQ.YQ",
            "!.!.!",
        ],
        ids=["empty", "dot", "dots", "two", "four", "letters", "long", "numbers", "words", "marks"],
    )
    def test_refuses_other_text(self, token: str) -> None:
        assert reason(token) in ("it is not a token", "it cannot be decoded")

    def test_takes_no_reference_for_a_secret(self) -> None:
        """Anyone who knows the reference could sign with it."""
        reference = "@Microsoft.KeyVault(SecretUri=https://v.vault.azure.net/secrets/jwt)"
        unavailable = import_payload("websocket_authorizer", "semantest_tokens").SecretUnavailableError

        with pytest.raises(unavailable, match="not resolved yet"):
            verify(sign_hs256_token(CLAIMS, reference), reference)

    def test_refuses_every_token_without_a_secret(self) -> None:
        assert reason(sign_hs256_token(CLAIMS, ""), "") == "there is no secret to verify it with"
