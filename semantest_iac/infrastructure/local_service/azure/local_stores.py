"""The tables and containers of Azure's storage accounts on this machine: Azurite, and a source of tokens for it."""

from __future__ import annotations

import asyncio
import json
import secrets
import ssl
import urllib.request
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from semantest_iac.domain.networking.http_exchange import HttpResponse
from semantest_iac.infrastructure.function_runtimes.loopback import LoopbackHandler, LoopbackRequest, serve_loopback
from semantest_iac.infrastructure.local_service.api_frontend import DeployedResources
from semantest_iac.infrastructure.local_service.azure.azurite import Azurite, Certificate, open_azurite
from semantest_iac.infrastructure.local_service.azure.identities import (
    BUS_AUDIENCE,
    STORAGE_AUDIENCE,
    Principal,
    answer_token_request,
)
from semantest_iac.infrastructure.local_service.azure.local_variables import find_settings
from semantest_iac.infrastructure.local_service.azure.tokens import issue_identity_token
from semantest_iac.infrastructure.local_service.stores.local_stores import STORE_VARIABLE_PREFIXES, StoreVariables
from semantest_iac.infrastructure.local_service.stores.server_process import create_store

_STORAGE_VERSION = "2021-12-02"
_PRINCIPAL = Principal("5e3a7e57-0000-4000-8000-000000000001", "5e3a7e57-0000-4000-8000-000000000002")
_CREATED_BEFORE = 409


class StorageAddress(NamedTuple):
    """A table or container in Azure: `https://<account>.<service>.core.windows.net/<name>`."""

    account: str
    service: str
    name: str

    @classmethod
    def parse(cls, url: str) -> StorageAddress:
        parts = urlsplit(url)
        account, service, *_ = parts.netloc.split(".")
        return cls(account, service, parts.path.strip("/"))


class AzureStores:
    """Implements StoreServerPart."""

    def find_stores(self, resources: DeployedResources) -> StoreVariables:
        """Return the addresses of tables and containers that the settings of apps hold."""
        return find_settings(resources, STORE_VARIABLE_PREFIXES)

    async def start(self, home: Path, exits: AsyncExitStack) -> AzuriteServer:
        """Prepare Azurite, which the first account starts, and tokens for it; raises StoresUnavailableError."""
        azurite = open_azurite(home, exits)
        header = secrets.token_hex(16)
        url = await exits.enter_async_context(serve_loopback(create_identity_handler(header)))
        return AzuriteServer(azurite, url, header)


class AzuriteServer:
    """Azurite with its source of tokens; implements StoreServer."""

    def __init__(self, azurite: Azurite, identity_url: str, identity_header: str) -> None:
        self._azurite = azurite
        self._identity = {"IDENTITY_ENDPOINT": f"{identity_url}/msi/token", "IDENTITY_HEADER": identity_header}
        self._created: set[StorageAddress] = set()

    async def provide(self, stores: StoreVariables, resources: DeployedResources) -> Mapping[str, str]:
        """Create the tables and containers, and return their addresses in place of those in Azure."""
        addresses = {name: StorageAddress.parse(url) for name, url in stores.items()}
        await self._azurite.add_accounts(it.account for it in addresses.values())
        for address in addresses.values():
            if address not in self._created:
                await asyncio.to_thread(self._create, address)
                self._created.add(address)
        moved = {name: f"{self._base(it)}/{it.name}" for name, it in addresses.items()}
        return {**moved, **self._identity, **_trust(self._azurite.certificate)}

    def _base(self, address: StorageAddress) -> str:
        return f"{self._azurite.address_of(address.service)}/{address.account}"

    def _create(self, address: StorageAddress) -> None:
        token = issue_identity_token(*_PRINCIPAL, STORAGE_AUDIENCE)
        headers = {"Authorization": f"Bearer {token}", "x-ms-version": _STORAGE_VERSION, "Content-Length": "0"}
        url, method, body = f"{self._base(address)}/{address.name}?restype=container", "PUT", b""
        if address.service == "table":
            url, method = f"{self._base(address)}/Tables", "POST"
            body = json.dumps({"TableName": address.name}).encode()
            headers |= {"Content-Type": "application/json", "Accept": "application/json;odata=nometadata"}
            headers |= {"Content-Length": str(len(body))}
        request = urllib.request.Request(url, body, headers, method=method)  # noqa: S310 - our own
        trusted = ssl.create_default_context(cafile=str(self._azurite.certificate.own))
        create_store(request, "Azurite", address.name, lambda error: error.code == _CREATED_BEFORE, trusted)


def _trust(certificate: Certificate) -> Mapping[str, str]:
    """Return the variables by which libraries of Python and Node trust the certificate besides those they know."""
    bundle = str(certificate.bundle)
    return {
        "REQUESTS_CA_BUNDLE": bundle,
        "SSL_CERT_FILE": bundle,
        "NODE_EXTRA_CA_CERTS": str(certificate.own),
    }


def create_identity_handler(secret_header: str) -> LoopbackHandler:
    """Return a handler that answers as App Service's source of tokens does, for storage and Service Bus."""

    async def answer(request: LoopbackRequest) -> HttpResponse:
        return answer_token_request(request, _PRINCIPAL, (STORAGE_AUDIENCE, BUS_AUDIENCE), secret_header)

    return answer


AZURE_STORES = AzureStores()
