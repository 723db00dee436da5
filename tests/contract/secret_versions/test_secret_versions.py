"""Stores of secrets keep the contract of the port: moto's Secrets Manager, and those of the simulated clouds."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import boto3
import pytest
from moto import mock_aws

from semantest_iac.application.ports.secret_store import SecretValue
from semantest_iac.application.ports.secret_versions import SecretVersions
from semantest_iac.domain.errors import NotFoundError, ProviderError
from semantest_iac.domain.networking.http_exchange import HttpRequest, HttpResponse
from semantest_iac.infrastructure.cloud_programs.code_publishing import ServiceClient
from semantest_iac.infrastructure.sandbox_engine.state.store import PassphraseCipher
from semantest_iac.infrastructure.secret_stores.key_vault import KeyVaultVersions, open_simulated_key_vault
from semantest_iac.infrastructure.secret_stores.secrets_manager import (
    PENDING_STAGE,
    open_secrets_manager,
    open_simulated_secrets_manager,
)
from semantest_iac.infrastructure.simulated_cloud.aws.catalogue import simulated_aws
from semantest_iac.infrastructure.simulated_cloud.azure.catalogue import simulated_azure
from semantest_iac.infrastructure.simulated_cloud.runtime.inventory import Inventory

FIRST, SECOND = "first-canary-value", 'second "canary" \N{SNOWMAN}\nwith two lines'
_AZURE_GROUP = "azure-native:resources:ResourceGroup"
_VAULT = {
    "vaultName": "kv-one",
    "resourceGroupName": "group-one",
    "location": "eastus",
    "properties": {
        "tenantId": "00000000-0000-4000-8000-000000000001",
        "sku": {"family": "A", "name": "standard"},
        "enableRbacAuthorization": True,
    },
}


class Store(NamedTuple):
    """A store, the address of a secret in it, and one of a secret that is not there."""

    versions: SecretVersions
    address: str
    missing: str


@pytest.fixture
def simulated_secrets_manager(tmp_path: Path) -> Store:
    cloud = simulated_aws(Inventory(tmp_path / "cloud.db"), region="us-east-1")
    created = cloud.create("aws:secretsmanager/secret:Secret", {"name": "one"}, owner="urn:one")
    versions = open_simulated_secrets_manager(cloud, PassphraseCipher(tmp_path / "key"))
    return Store(versions, created.outputs["arn"], f"{created.outputs['arn']}x")


@pytest.fixture
def simulated_key_vault(tmp_path: Path) -> Store:
    cloud = simulated_azure(Inventory(tmp_path / "cloud.db"), region="eastus")
    group = {"resourceGroupName": "group-one", "location": "eastus"}
    cloud.create(_AZURE_GROUP, group, owner="urn:group")
    cloud.create("azure-native:keyvault:Vault", _VAULT, owner="urn:vault")
    secret = {
        "vaultName": "kv-one",
        "resourceGroupName": "group-one",
        "secretName": "one",
        "properties": {"value": "x"},
    }
    cloud.create("azure-native:keyvault:Secret", secret, owner="urn:secret")
    versions = open_simulated_key_vault(cloud, PassphraseCipher(tmp_path / "key"))
    address = "https://kv-one.vault.azure.net/secrets/one"
    return Store(versions, address, f"{address}-more")


@pytest.fixture
def secrets_manager(monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        created = boto3.client("secretsmanager", region_name="us-east-1").create_secret(Name="one", SecretString="x")
        yield Store(open_secrets_manager("us-east-1"), created["ARN"], f"{created['ARN'][:-3]}xyz")


@pytest.fixture(params=["simulated_secrets_manager", "simulated_key_vault", "secrets_manager"])
def store(request: pytest.FixtureRequest) -> Store:
    found: Store = request.getfixturevalue(request.param)
    return found


class TestSecretVersions:
    def test_keep_each_value_under_an_id_of_its_own(self, store: Store) -> None:
        ids = [store.versions.write(store.address, SecretValue(value)) for value in (FIRST, SECOND)]

        assert len({*ids}) == 2
        assert [store.versions.read(store.address, id_).expose() for id_ in ids] == [FIRST, SECOND]

    def test_take_the_largest_value(self, store: Store) -> None:
        largest = "x" * store.versions.largest_value

        assert store.versions.read(store.address, store.versions.write(store.address, SecretValue(largest))).expose()

    def test_do_not_find_what_is_not_there(self, store: Store) -> None:
        with pytest.raises(NotFoundError):
            store.versions.write(store.missing, SecretValue(FIRST))
        with pytest.raises(NotFoundError):
            store.versions.read(store.missing, "0" * 32)
        with pytest.raises(NotFoundError):
            store.versions.read(store.address, "0" * 32)


class TestSimulatedStores:
    @pytest.mark.parametrize("name", ["simulated_secrets_manager", "simulated_key_vault"])
    def test_keep_values_encrypted(self, request: pytest.FixtureRequest, tmp_path: Path, name: str) -> None:
        store: Store = request.getfixturevalue(name)

        store.versions.write(store.address, SecretValue(FIRST))

        files = [path for path in tmp_path.rglob("*") if path.is_file()]
        assert any(path.name.startswith("cloud.db") for path in files)
        assert not any(FIRST.encode() in path.read_bytes() for path in files)

    @pytest.mark.parametrize("name", ["simulated_secrets_manager", "simulated_key_vault"])
    def test_refuse_a_larger_value_without_repeating_it(self, request: pytest.FixtureRequest, name: str) -> None:
        """As AWS and Azure do; moto takes any value."""
        store: Store = request.getfixturevalue(name)
        value = "canary" + "x" * store.versions.largest_value

        with pytest.raises(ProviderError) as raised:
            store.versions.write(store.address, SecretValue(value))

        assert "canary" not in str(raised.value)
        assert raised.value.__context__ is None or raised.value.__suppress_context__


class TestSecretsManager:
    def test_leaves_the_current_value_to_the_deployment(self, secrets_manager: Store) -> None:
        version = secrets_manager.versions.write(secrets_manager.address, SecretValue(FIRST))

        client = boto3.client("secretsmanager", region_name="us-east-1")
        waiting = client.get_secret_value(SecretId=secrets_manager.address, VersionStage=PENDING_STAGE)
        assert client.get_secret_value(SecretId=secrets_manager.address)["SecretString"] == "x"
        assert (waiting["VersionId"], waiting["SecretString"]) == (version, FIRST)


class TestKeyVault:
    """What vaults answer besides values; source: the REST reference of Key Vault, its errors and throttling."""

    ADDRESS = "https://kv-one.vault.azure.net/secrets/one"

    def _answering(self, *answers: tuple[int, Any]) -> tuple[KeyVaultVersions, list[Any]]:
        left, seen = list(answers), list[Any]()

        def send(origin: str, request: HttpRequest) -> HttpResponse:
            seen.append((origin, request.method, request.path, request.query))
            status, body = left.pop(0)
            if status == 0:
                raise ConnectionRefusedError(FIRST)
            return HttpResponse(status, body=json.dumps(body).encode())

        return KeyVaultVersions(ServiceClient(send, lambda: "token", seen.append)), seen

    def test_is_asked_again_where_it_is_busy(self) -> None:
        done = {"id": f"{self.ADDRESS}/abc", "value": FIRST}
        vault, seen = self._answering((429, {}), (0, None), (200, done))

        assert vault.write(self.ADDRESS, SecretValue(FIRST)) == "abc"
        asked = ("https://kv-one.vault.azure.net", "PUT", "/secrets/one", (("api-version", "7.4"),))
        assert seen == [asked, 1.0, asked, 4.0, asked]

    @pytest.mark.parametrize("status", [401, 403])
    def test_names_the_role_that_is_missing(self, status: int) -> None:
        vault, _ = self._answering((status, {"error": {"code": "Forbidden", "message": "Caller is not authorized."}}))

        with pytest.raises(ProviderError, match="Caller is not authorized") as raised:
            vault.read(self.ADDRESS, "abc")

        assert raised.value.error_code == "SECRET_ACCESS_DENIED"
        assert "Key Vault Secrets Officer" in raised.value.hint

    def test_gives_up_without_the_value(self) -> None:
        vault, _ = self._answering(*[(0, None)] * 4)

        with pytest.raises(ProviderError, match="does not answer") as raised:
            vault.write(self.ADDRESS, SecretValue(FIRST))

        assert FIRST not in str(raised.value)
        assert raised.value.retryable
