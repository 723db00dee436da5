"""Addresses of storage accounts, the certificate for this machine, and who gets a token."""

from __future__ import annotations

import json
import ssl
import stat
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from semantest_iac.domain.resource import DeployedResource
from semantest_iac.infrastructure.function_runtimes.loopback import LoopbackRequest
from semantest_iac.infrastructure.local_service.azure.azurite import create_certificate
from semantest_iac.infrastructure.local_service.azure.identities import BUS_AUDIENCE, STORAGE_AUDIENCE
from semantest_iac.infrastructure.local_service.azure.local_stores import (
    AZURE_STORES,
    StorageAddress,
    create_identity_handler,
)


async def _ask(header: str = "right", **query: str) -> tuple[int, Any]:
    request = LoopbackRequest("GET", f"/msi/token?{urlencode(query)}", {"x-identity-header": header})
    response = await create_identity_handler("right")(request)
    return response.status, json.loads(response.body)


class TestTokens:
    @pytest.mark.parametrize("resource", [STORAGE_AUDIENCE, f"{STORAGE_AUDIENCE}/", BUS_AUDIENCE])
    async def test_are_for_storage_and_messages(self, resource: str) -> None:
        status, answer = await _ask(resource=resource, client_id="app")

        assert status == 200
        assert (answer["token_type"], answer["client_id"]) == ("Bearer", "app")
        assert len(answer["access_token"].split(".")) == 3

    @pytest.mark.parametrize("resource", ["https://vault.azure.net", "https://management.azure.com", ""])
    async def test_are_for_nothing_else(self, resource: str) -> None:
        assert (await _ask(resource=resource))[0] == 400

    async def test_are_refused_without_the_header_of_the_app(self) -> None:
        assert (await _ask("wrong", resource=STORAGE_AUDIENCE))[0] == 401


def test_an_address_has_an_account_a_service_and_a_name() -> None:
    address = StorageAddress.parse("https://starestapi7c1.table.core.windows.net/orders")

    assert address == StorageAddress("starestapi7c1", "table", "orders")


def test_stores_are_those_that_settings_of_apps_name() -> None:
    url = "https://a.blob.core.windows.net/uploads"
    settings = [{"name": "SEMANTEST_BUCKET_UPLOADS", "value": url}, {"name": "OTHER", "value": "1"}]
    app = DeployedResource("azure-native:web:WebApp", "app", {}, inputs={"siteConfig": {"appSettings": settings}})

    assert AZURE_STORES.find_stores([app]) == {"SEMANTEST_BUCKET_UPLOADS": url}
    assert AZURE_STORES.find_stores([]) == {}


def test_only_the_user_reads_the_key_of_the_certificate(tmp_path: Path) -> None:
    certificate = create_certificate(tmp_path)

    assert stat.S_IMODE(certificate.key.stat().st_mode) == 0o600
    assert ssl.create_default_context(cafile=str(certificate.bundle)).get_ca_certs()
    assert "PRIVATE" not in certificate.bundle.read_text() + certificate.own.read_text()
