"""Which tokens count."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from semantest_iac.infrastructure.local_service.json_web_tokens import sign_hs256_token
from tests.contract.websocket_service.payload import shipped

SECRET = "a secret of some length"
NOW = 1_800_000_000.0
CLAIMS = {"sub": "me", "exp": NOW + 60, "iss": "us", "aud": ["a", "b"]}


def checked(token: str, secret: str = SECRET, **asked: Any) -> Any:
    return shipped("websocket_authorizer", "semantest_tokens").checked(token, secret, NOW, **asked)


def reason(token: str, secret: str = SECRET, **asked: Any) -> str:
    """Why a token is refused."""
    error = shipped("websocket_authorizer", "semantest_tokens").TokenError
    with pytest.raises(error) as caught:
        checked(token, secret, **asked)
    return str(caught.value)


def part(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


class TestChecked:
    @pytest.mark.parametrize(
        "asked", [{}, {"issuer": "us"}, {"audiences": ["b", "c"]}, {"issuer": "us", "audiences": ["a"]}], ids=str
    )
    def test_gives_what_the_token_says(self, asked: dict[str, Any]) -> None:
        assert checked(sign_hs256_token(CLAIMS, SECRET), **asked) == CLAIMS

    def test_takes_a_token_as_others_sign_it(self) -> None:
        token = (  # the sample of RFC 7519's most common debugger, with an end
            "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIiwiaWF0IjoxNTE2MjM5MDIyfQ"
            ".SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c"
        )

        assert reason(token, "your-256-bit-secret") == "it does not say when it ends"

    @pytest.mark.parametrize(
        ("claims", "asked", "why"),
        [
            ({"exp": NOW - 31}, {}, "its time is over"),
            ({"nbf": NOW + 31}, {}, "its time has not come"),
            ({"exp": "tomorrow"}, {}, "it does not say when it ends"),
            ({"exp": True}, {}, "it does not say when it ends"),
            ({"nbf": "today"}, {}, "it does not say when it ends"),
            ({}, {"issuer": "them"}, "its issuer is another"),
            ({}, {"audiences": ["c"]}, "it is meant for others"),
            ({"aud": "ab"}, {"audiences": ["a"]}, "it is meant for others"),
            ({"aud": {"a": 1}}, {"audiences": ["a"]}, "it is meant for others"),
            ({"aud": None}, {"audiences": ["a"]}, "it is meant for others"),
        ],
        ids=str,
    )
    def test_refuses_what_is_not_for_now_or_for_us(
        self, claims: dict[str, Any], asked: dict[str, Any], why: str
    ) -> None:
        assert reason(sign_hs256_token({**CLAIMS, **claims}, SECRET), **asked) == why

    def test_refuses_what_another_has_signed(self) -> None:
        assert reason(sign_hs256_token(CLAIMS, "another")) == "its signature is wrong"

    def test_refuses_what_was_changed_after_it_was_signed(self) -> None:
        header, _, signature = sign_hs256_token(CLAIMS, SECRET).split(".")

        assert reason(f"{header}.{part({**CLAIMS, 'sub': 'root'})}.{signature}") == "its signature is wrong"

    @pytest.mark.parametrize(
        "header", [{"alg": "none"}, {"alg": "RS256"}, {}, {"alg": "HS256", "crit": ["x"]}], ids=str
    )
    def test_is_not_told_by_the_token_how_to_check_it(self, header: dict[str, Any]) -> None:
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
    def test_refuses_what_is_no_token(self, token: str) -> None:
        assert reason(token) in ("it is not a token", "it cannot be read")

    def test_lets_nobody_in_without_a_secret(self) -> None:
        assert reason(sign_hs256_token(CLAIMS, ""), "") == "there is no secret to check it with"
