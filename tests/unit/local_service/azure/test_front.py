"""What is read of a deployed function app, and what its host answers by itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from semantest_iac.domain.networking.http_exchange import HttpRequest
from semantest_iac.domain.resource import DeployedResource
from semantest_iac.infrastructure.function_runtimes.function_spec import TIMED_OUT, Invocation
from semantest_iac.infrastructure.local_service.api_frontend import ApiFrontend
from semantest_iac.infrastructure.local_service.azure.api_frontend import build_api_frontend

VAULT = "https://v.vault.azure.net/secrets"
REFERENCE = f"@Microsoft.KeyVault(SecretUri={VAULT}/token)"
LONGER = f"@Microsoft.KeyVault(SecretUri={VAULT}/token-two/)"
LATE = Invocation(None, {"errorType": TIMED_OUT, "errorMessage": ""}, "", 1)


def secret(name: str, value: str) -> DeployedResource:
    asked = {"vaultName": "v", "secretName": name, "properties": {"value": value}}
    return DeployedResource("azure-native:keyvault:Secret", name, {}, asked)


def deployed(code: str = "d1", runtime: tuple[str, str] = ("node", "24"), **settings: Any) -> ApiFrontend:
    inputs = {
        "functionAppConfig": {
            "runtime": {"name": runtime[0], "version": runtime[1]},
            "scaleAndConcurrency": {"instanceMemoryMB": 2048, "maximumInstanceCount": 40},
        },
        "siteConfig": {"appSettings": [{"name": name, "value": value} for name, value in settings.items()]},
    }
    outputs = {"name": "func-app", "defaultHostName": "func-app.azurewebsites.net", "location": "eastus"}
    app = DeployedResource("azure-native:web:WebApp", "function", outputs, inputs, code)
    found = build_api_frontend([secret("token", "one"), secret("token-two", "two"), app], Path)
    assert found is not None
    return found


class TestFunction:
    def test_is_what_the_app_was_asked_to_be(self) -> None:
        spec = deployed().function()

        assert (spec.package, spec.runtime, spec.memory_mb) == (Path("d1"), "nodejs24.x", 2048)
        assert (spec.name, spec.region, spec.platform, spec.instances) == ("func-app", "eastus", "functions", 40)

    def test_has_pythons_runtime(self) -> None:
        assert deployed(runtime=("python", "3.13")).function().runtime == "python3.13"

    @pytest.mark.parametrize(
        ("setting", "seconds", "status"),
        [("00:00:29", 29, 500), ("01:00:00", 230, 502), ("soon", 230, 502)],
        ids=["own", "beyond the load balancer", "unreadable"],
    )
    def test_may_take_as_long_as_somebody_waits(self, setting: str, seconds: int, status: int) -> None:
        app = deployed(AzureFunctionsJobHost__functionTimeout=setting)

        assert app.function().timeout_s == seconds
        assert app.answer(HttpRequest("GET", "/"), LATE).status == status

    def test_knows_the_values_behind_its_references(self) -> None:
        spec = deployed(A=REFERENCE, B=LONGER, C=REFERENCE.replace("token", "nowhere"), D="plain").function()

        assert spec.secrets == {REFERENCE: "one", LONGER: "two"}
        assert "one" not in repr(spec)

    def test_is_without_the_settings_that_are_sealed(self) -> None:
        assert deployed(A={"sealed": "v1:…"}, B="1").function().environment == {"B": "1"}


class TestFront:
    def test_is_none_where_no_app_is(self) -> None:
        assert build_api_frontend([secret("token", "one")], Path) is None

    def test_answers_503_before_code_was_published(self) -> None:
        refusal = deployed(code="").admit(HttpRequest("GET", "/health")).refusal

        assert refusal is not None
        assert (refusal.status, refusal.body) == (503, b"Function host is not running.")

    def test_takes_no_more_than_100_mb(self) -> None:
        refusal = deployed().admit(HttpRequest("POST", "/", body=bytes(100 * 1024 * 1024 + 1))).refusal

        assert refusal is not None
        assert refusal.status == 413
