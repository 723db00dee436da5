"""Reads secrets from Key Vault itself while the platform leaves references in their place.

Azure resolves the references of an app when it starts; roles take minutes to apply, and Azure tries again only at a
restart or after a day. Source: Azure's documentation of Key Vault references, of managed identities for apps (the local
token endpoint), and of Key Vault's "Get Secret".
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Mapping, MutableMapping
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import SplitResult, urlencode, urlsplit

REFERENCE_START = "@Microsoft.KeyVault("
SECRET_URI = re.compile(r"@Microsoft\.KeyVault\(SecretUri=(?P<uri>[^()\s]+)\)")
VAULT_DOMAINS = (".vault.azure.net", ".vault.azure.cn", ".vault.usgovcloudapi.net")
LOOPBACK = ("127.0.0.1", "localhost", "::1")
VAULT_API_VERSION, IDENTITY_API_VERSION = "7.4", "2019-08-01"
TIMEOUT_S, PAUSE_S = 5, 5.0


class SecretUnreadableError(Exception):
    """Why a secret cannot be read now; the text holds no part of a secret."""


def find_unresolved_settings(environment: Mapping[str, str]) -> list[str]:
    """List settings that hold a reference to Key Vault in place of its value."""
    return sorted(name for name, value in environment.items() if value.startswith(REFERENCE_START))


class SettingResolver:
    """Replaces references in the environment by values; asks again after a pause, however many requests come."""

    def __init__(self, environment: MutableMapping[str, str], clock: Callable[[], float] = time.monotonic) -> None:
        self._environment = environment
        self._clock = clock
        self._lock = threading.Lock()
        self._not_before = -float("inf")
        self._reasons: dict[str, str] = {}

    def resolve(self) -> list[str]:
        """Return the settings that have no value yet, each with the reason where one is known."""
        if not find_unresolved_settings(self._environment):
            return []
        with self._lock:
            unresolved = find_unresolved_settings(self._environment)
            if unresolved and self._clock() >= self._not_before:
                self._reasons = {name: reason for name in unresolved if (reason := self._read(name))}
                self._not_before = self._clock() + PAUSE_S
            remaining = find_unresolved_settings(self._environment)
        return [f"{name} ({self._reasons[name]})" if name in self._reasons else name for name in remaining]

    def _read(self, name: str) -> str:
        """Read one secret into the environment; return why that was not possible."""
        try:
            self._environment[name] = read_secret(self._environment[name], self._environment)
        except SecretUnreadableError as error:
            return str(error)
        return ""


def read_secret(reference: str, environment: Mapping[str, str]) -> str:
    """Return the value that a reference names; raises SecretUnreadableError."""
    match = SECRET_URI.fullmatch(reference)
    url = urlsplit(match["uri"] if match else "")
    host = url.hostname or ""
    is_vault = url.scheme == "https" and host.endswith(VAULT_DOMAINS)
    if not is_vault and not (url.scheme == "http" and host in LOOPBACK):  # nobody else may receive the token
        raise SecretUnreadableError("the reference names no secret of a vault")
    resource = f"https://{host.partition('.')[2]}" if is_vault else "https://vault.azure.net"
    headers = {"Authorization": f"Bearer {_identity_token(resource, environment)}"}
    address = url._replace(path=url.path.rstrip("/"), query=f"api-version={VAULT_API_VERSION}")
    value = _get_json(address, headers, "Key Vault").get("value")
    if not isinstance(value, str) or value.startswith(REFERENCE_START):
        raise SecretUnreadableError("Key Vault gave no value")
    return value


def _identity_token(resource: str, environment: Mapping[str, str]) -> str:
    """Return a token of the app's identity, which the environment names."""
    endpoint, header = environment.get("IDENTITY_ENDPOINT", ""), environment.get("IDENTITY_HEADER", "")
    if not endpoint or not header:
        raise SecretUnreadableError("the app has no identity")
    query = {
        "resource": resource,
        "api-version": IDENTITY_API_VERSION,
        "client_id": environment.get("AzureWebJobsStorage__clientId", ""),
    }
    address = urlsplit(endpoint)._replace(query=urlencode({name: value for name, value in query.items() if value}))
    return str(_get_json(address, {"X-IDENTITY-HEADER": header}, "the identity").get("access_token"))


def _get_json(address: SplitResult, headers: Mapping[str, str], who: str) -> Mapping[str, Any]:
    """Send one request; redirects are not followed, because they would take the token elsewhere."""
    connect = HTTPSConnection if address.scheme == "https" else HTTPConnection
    connection = connect(address.netloc, timeout=TIMEOUT_S)
    try:
        connection.request("GET", f"{address.path}?{address.query}", headers=dict(headers))
        response = connection.getresponse()
        status, text = response.status, response.read()
    except (OSError, HTTPException) as error:
        raise SecretUnreadableError(f"{who} did not answer") from error
    finally:
        connection.close()
    if status != 200:
        raise SecretUnreadableError(f"{who} answered {status}")
    try:
        body = json.loads(text)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise SecretUnreadableError(f"{who} gave no answer that can be read")
    return body
