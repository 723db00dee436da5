"""Which references an app on Azure reads itself, and when it asks again."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.websocket_service.payload import import_payload

REFERENCE = "@Microsoft.KeyVault(SecretUri=https://v.vault.azure.net/secrets/token/1)"


@pytest.fixture
def payload() -> Any:
    return import_payload("functions_python", "semantest_vault")


class TestReadSecret:
    @pytest.mark.parametrize(
        "reference",
        [
            "@Microsoft.KeyVault(SecretUri=https://vault.azure.net.example.com/secrets/token)",
            "@Microsoft.KeyVault(SecretUri=http://v.vault.azure.net/secrets/token)",
            "@Microsoft.KeyVault(SecretUri=https://example.com/.vault.azure.net)",
            "@Microsoft.KeyVault(VaultName=v;SecretName=token)",
            "@Microsoft.KeyVault(",
        ],
    )
    def test_sends_the_token_to_no_other_host(self, payload: Any, reference: str) -> None:
        identity = {"IDENTITY_ENDPOINT": "http://127.0.0.1:1/", "IDENTITY_HEADER": "x"}

        with pytest.raises(payload.SecretUnreadableError, match="names no secret of a vault"):
            payload.read_secret(reference, identity)

    def test_needs_the_identity_of_the_app(self, payload: Any) -> None:
        with pytest.raises(payload.SecretUnreadableError, match="the app has no identity"):
            payload.read_secret(REFERENCE, {})


class TestSettingResolver:
    def test_asks_again_after_a_pause(self, payload: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        answers, now = iter(["Key Vault answered 403", "s3cret"]), [0.0]

        def read(reference: str, environment: dict[str, str]) -> str:
            answer = next(answers)
            if answer.startswith("Key Vault"):
                raise payload.SecretUnreadableError(answer)
            return answer

        monkeypatch.setattr(payload, "read_secret", read)
        environment = {"TOKEN": REFERENCE, "PLAIN": "1"}
        resolver = payload.SettingResolver(environment, lambda: now[0])

        first, at_once = resolver.resolve(), resolver.resolve()
        now[0] = payload.PAUSE_S
        later = resolver.resolve()

        assert (first, at_once, later) == (["TOKEN (Key Vault answered 403)"],) * 2 + ([],)
        assert environment == {"TOKEN": "s3cret", "PLAIN": "1"}
