"""How an app on Azure asks for the token with which it reads its vault."""

from __future__ import annotations

import socket

import pytest

from tests.contract.websocket_service.payload import import_payload

REFERENCE = "@Microsoft.KeyVault(SecretUri=https://v.vault.azure.net/secrets/token/1)"


def test_says_that_the_identity_does_not_answer() -> None:
    payload = import_payload("functions_python", "semantest_vault")
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]

    with pytest.raises(payload.SecretUnreadableError, match="the identity did not answer"):
        payload.read_secret(REFERENCE, {"IDENTITY_ENDPOINT": f"http://127.0.0.1:{port}/", "IDENTITY_HEADER": "x"})
