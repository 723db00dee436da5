"""What API Gateway is told of a client that connects."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from semantest_iac.infrastructure.local_service.json_web_tokens import sign_hs256_token
from tests.contract.websocket_service.payload import shipped

SECRET = "a secret of some length"
METHOD = "arn:aws:execute-api:us-east-1:123456789012:api/live/$connect"


@pytest.fixture(autouse=True)
def told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JWT_SECRET", SECRET)
    monkeypatch.setenv("JWT_AUDIENCE", " a , b")
    monkeypatch.delenv("JWT_ISSUER", raising=False)


def asked(query: dict[str, str] | None) -> Any:
    event = {"type": "REQUEST", "methodArn": METHOD, "queryStringParameters": query}
    return shipped("websocket_authorizer", "semantest_authorizer").handler(event, None)


class TestHandler:
    def test_lets_a_client_in_with_what_its_token_says(self) -> None:
        claims = {"sub": "me", "exp": int(time.time()) + 60, "aud": "b"}

        answer = asked({"token": sign_hs256_token(claims, SECRET)})
        [statement] = answer["policyDocument"]["Statement"]
        assert (statement["Effect"], statement["Resource"], answer["principalId"]) == ("Allow", METHOD, "me")
        assert json.loads(answer["context"]["claims"]) == claims

    @pytest.mark.parametrize(
        "query",
        [None, {}, {"token": ""}, {"token": "x"}, {"token": sign_hs256_token({"exp": 1, "aud": "a"}, SECRET)}],
        ids=str,
    )
    def test_answers_everybody_else_in_the_word_that_becomes_a_401(
        self, query: dict[str, str] | None, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with pytest.raises(Exception, match=r"^Unauthorized$"):
            asked(query)
        assert json.loads(capsys.readouterr().out)["event"] == "AUTHORIZE"

    def test_writes_down_why_and_nothing_of_the_token(self, capsys: pytest.CaptureFixture[str]) -> None:
        token = sign_hs256_token({"exp": 1, "aud": "a"}, SECRET)

        with pytest.raises(Exception, match="Unauthorized"):
            asked({"token": token})
        line = capsys.readouterr().out
        assert "its time is over" in line
        assert not any(part in line for part in token.split("."))
