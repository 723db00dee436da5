"""The answers of the authorizer to API Gateway."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from semantest_iac.infrastructure.local_service.tokens.json_web_tokens import sign_hs256_token
from tests.contract.websocket_service.payload import import_payload

SECRET = "a secret of some length"
METHOD = "arn:aws:execute-api:us-east-1:123456789012:api/live/$connect"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JWT_SECRET", SECRET)
    monkeypatch.setenv("JWT_AUDIENCE", " a , b")
    monkeypatch.delenv("JWT_ISSUER", raising=False)


def authorize(query: dict[str, str] | None) -> Any:
    event = {"type": "REQUEST", "methodArn": METHOD, "queryStringParameters": query}
    return import_payload("websocket_authorizer", "semantest_authorizer").handler(event, None)


class TestHandler:
    def test_allows_a_client_with_a_valid_token(self) -> None:
        claims = {"sub": "me", "exp": int(time.time()) + 60, "aud": "b"}

        answer = authorize({"token": sign_hs256_token(claims, SECRET)})
        [statement] = answer["policyDocument"]["Statement"]
        assert (statement["Effect"], statement["Resource"], answer["principalId"]) == ("Allow", METHOD, "me")
        assert json.loads(answer["context"]["claims"]) == claims

    @pytest.mark.parametrize(
        "query",
        [None, {}, {"token": ""}, {"token": "x"}, {"token": sign_hs256_token({"exp": 1, "aud": "a"}, SECRET)}],
        ids=str,
    )
    def test_raises_unauthorized_for_every_other_client(
        self, query: dict[str, str] | None, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with pytest.raises(Exception, match=r"^Unauthorized$"):
            authorize(query)
        assert json.loads(capsys.readouterr().out)["event"] == "AUTHORIZE"

    def test_logs_the_reason_and_no_part_of_the_token(self, capsys: pytest.CaptureFixture[str]) -> None:
        token = sign_hs256_token({"exp": 1, "aud": "a"}, SECRET)

        with pytest.raises(Exception, match="Unauthorized"):
            authorize({"token": token})
        line = capsys.readouterr().out
        assert "it has expired" in line
        assert not any(part in line for part in token.split("."))
