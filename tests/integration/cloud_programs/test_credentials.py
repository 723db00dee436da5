from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from semantest_iac.domain.errors import DeploymentError
from semantest_iac.domain.networking.http_exchange import HttpRequest, HttpResponse
from semantest_iac.infrastructure.cloud_programs.azure.credentials import LOGIN_ORIGIN, find_azure_token

_PRINCIPAL = {"ARM_TENANT_ID": "tenant-1", "ARM_CLIENT_ID": "client-1", "ARM_CLIENT_SECRET": "hunter2-canary"}


def _silent(origin: str, request: HttpRequest) -> HttpResponse:
    raise ConnectionRefusedError


def _az(folder: Path, script: str) -> dict[str, str]:
    """Put a fake Azure CLI on the PATH."""
    program = folder / "az"
    program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    program.chmod(0o755)
    return {"PATH": str(folder)}


class TestToken:
    @pytest.mark.parametrize("family", ["ARM", "AZURE"])
    def test_is_requested_for_the_service_principal_in_the_variables(self, family: str) -> None:
        asked: list[tuple[str, HttpRequest]] = []

        def login(origin: str, request: HttpRequest) -> HttpResponse:
            asked.append((origin, request))
            return HttpResponse(200, body=json.dumps({"access_token": "t-1"}).encode())

        found = find_azure_token({name.replace("ARM", family): value for name, value in _PRINCIPAL.items()}, login)

        [(origin, request)] = asked
        assert (found, origin, request.path) == ("t-1", LOGIN_ORIGIN, "/tenant-1/oauth2/v2.0/token")
        assert parse_qs(request.body.decode())["client_secret"] == ["hunter2-canary"]

    def test_comes_from_the_azure_cli_without_variables(self, tmp_path: Path) -> None:
        variables = _az(tmp_path, """[ "$2" = get-access-token ] && echo '{"accessToken": "t-2"}'""")

        assert find_azure_token(variables, _silent) == "t-2"

    @pytest.mark.parametrize("script", ["exit 1", "echo nonsense", "echo '{}'"])
    def test_is_missing_with_the_commands_to_run(self, tmp_path: Path, script: str) -> None:
        with pytest.raises(DeploymentError, match="nobody is logged in") as refusal:
            find_azure_token(_az(tmp_path, script), _silent)

        assert refusal.value.error_code == "CREDENTIALS_MISSING"
        assert refusal.value.hint == "Run az login, or set ARM_CLIENT_ID, ARM_CLIENT_SECRET and ARM_TENANT_ID."

    def test_is_refused_without_revealing_the_secret(self) -> None:
        with pytest.raises(DeploymentError, match="refused with status 401") as refusal:
            find_azure_token(_PRINCIPAL, lambda origin, request: HttpResponse(401, body=b"hunter2-canary"))

        assert "hunter2" not in str(refusal.value)

    def test_is_missing_if_the_login_service_does_not_answer(self) -> None:
        with pytest.raises(DeploymentError, match="does not answer"):
            find_azure_token(_PRINCIPAL, _silent)
