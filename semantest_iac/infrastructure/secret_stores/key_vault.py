"""Writes and reads versions of secrets in Azure Key Vault, through its REST API.

Source: `Set Secret` and `Get Secret` in the REST reference (api-version 7.4); a value has at most 25 KB. The client
library for Python would bring three more packages for these two requests.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

from semantest_iac.application.ports.secret_store import SecretValue
from semantest_iac.application.ports.secret_versions import SecretVersions
from semantest_iac.domain.errors import (
    CloudUnavailableError,
    DeploymentError,
    NotFoundError,
    ProviderError,
    ThrottledError,
)
from semantest_iac.domain.networking.http_exchange import HttpRequest, HttpResponse
from semantest_iac.infrastructure.cloud_programs.azure.credentials import VAULT_AUDIENCE, create_azure_client
from semantest_iac.infrastructure.cloud_programs.code_publishing import ServiceClient
from semantest_iac.infrastructure.nested_text import parse_json
from semantest_iac.infrastructure.simulated_cloud.azure.vault_service import VaultService
from semantest_iac.infrastructure.simulated_cloud.runtime.cloud import SimulatedCloud
from semantest_iac.infrastructure.simulated_cloud.schema.values import ValueSeal

_API_VERSION = ("api-version", "7.4")
_PAUSES_S = (1.0, 4.0, 16.0)  # before another try of what the service throttles or does not answer
_BUSY_STATUSES = frozenset({429, 500, 502, 503, 504})
_DENIED_HINT = (
    "Assign the role 'Key Vault Secrets Officer' on the vault to your identity; a vault that is closed to the public "
    "network is reached from its own network alone."
)


class KeyVaultVersions:
    """The SecretVersions of vaults; an address is `https://<vault>.vault.azure.net/secrets/<name>`."""

    largest_value = 25 * 1024

    def __init__(self, client: ServiceClient) -> None:
        self._client = client

    def write(self, address: str, value: SecretValue) -> str:
        """Write a version: apps go on with the one that their settings name."""
        body = json.dumps({"value": value.expose()}).encode()
        answer = self._send("write", address, HttpRequest("PUT", urlsplit(address).path, body=body))
        return str(answer.get("id", "")).rpartition("/")[2]

    def read(self, address: str, version: str) -> SecretValue:
        """Return the value of a version."""
        answer = self._send("read", address, HttpRequest("GET", f"{urlsplit(address).path}/{version}"))
        return SecretValue(str(answer.get("value", "")))

    def _send(self, verb: str, address: str, request: HttpRequest) -> dict[str, Any]:
        response = self._send_patiently(verb, address, request)
        answer = _read_object(response)
        if response.status == 200:
            return answer
        raise _translate(verb, address, response.status, answer)

    def _send_patiently(self, verb: str, address: str, request: HttpRequest) -> HttpResponse:
        parts = urlsplit(address)
        headers = (("authorization", f"Bearer {self._client.token()}"), ("content-type", "application/json"))
        full = HttpRequest(request.method, request.path, (_API_VERSION,), headers, request.body)
        for pause in (*_PAUSES_S, None):
            try:
                response = self._client.send(f"{parts.scheme}://{parts.netloc}", full)
            except OSError as error:
                if pause is None:
                    reason = type(error).__name__
                    message = f"Cannot {verb} '{address}': the vault does not answer ({reason})."
                    raise CloudUnavailableError(message, provider="azure", resource=address) from None
            else:
                if response.status not in _BUSY_STATUSES or pause is None:
                    return response
            self._client.wait(pause or 0)
        raise AssertionError("the last try returns or raises")


def open_key_vault(region: str) -> SecretVersions:
    """Return the store of the vaults that this machine's user may reach; the region is in their addresses."""
    return KeyVaultVersions(create_azure_client(VAULT_AUDIENCE))


def open_simulated_key_vault(cloud: SimulatedCloud, seal: ValueSeal) -> SecretVersions:
    """Return the store of the vaults of a simulated subscription; waiting takes no real time."""
    service = VaultService(cloud, seal)
    return KeyVaultVersions(ServiceClient(service, token=lambda: "anybody", wait=lambda seconds: None))


def _read_object(response: HttpResponse) -> dict[str, Any]:
    try:
        answer = parse_json(response.body.decode())
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}


def _translate(verb: str, address: str, status: int, answer: dict[str, Any]) -> DeploymentError:
    """Return what an answer means; it names no value."""
    details = answer.get("error") if isinstance(answer.get("error"), dict) else {}
    code, message = (str((details or {}).get(name) or "") for name in ("code", "message"))
    what = f"Cannot {verb} '{address}': {message.rstrip('.') or f'the vault answered {status}'}."
    if status == 404:
        return NotFoundError(what, hint="Deploy the component again, then set the secret.")
    if status in (401, 403):
        return ProviderError(what, "SECRET_ACCESS_DENIED", provider="azure", resource=address, hint=_DENIED_HINT)
    if status == 429:
        return ThrottledError(what, provider="azure", resource=address)
    if status in _BUSY_STATUSES:
        return CloudUnavailableError(what, provider="azure", resource=address)
    return ProviderError(f"{what} ({code})" if code else what, provider="azure", resource=address)
