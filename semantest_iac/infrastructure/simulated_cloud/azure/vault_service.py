"""The data plane of Key Vault: values that are written and read outside of deployments."""

from __future__ import annotations

import json
import re
import uuid
from typing import Any, Final

from semantest_iac.domain.networking.http_exchange import HttpRequest, HttpResponse
from semantest_iac.infrastructure.simulated_cloud.azure.security import SECRET_TYPE
from semantest_iac.infrastructure.simulated_cloud.runtime.cloud import SimulatedCloud
from semantest_iac.infrastructure.simulated_cloud.schema.refusals import CloudRefusal
from semantest_iac.infrastructure.simulated_cloud.schema.values import ValueSeal

_LARGEST_VALUE: Final = 25 * 1024
_VAULT_ORIGIN: Final = re.compile(r"https://(?P<vault>[a-zA-Z0-9-]+)\.vault\.azure\.net")
_SECRET_PATH: Final = re.compile(r"/secrets/(?P<name>[a-zA-Z0-9-]{1,127})(?:/(?P<version>[0-9a-f]{32}))?")


class VaultService:
    """Answers `Set Secret` and `Get Secret` of all vaults of a subscription.

    Source: the REST reference of Key Vault's secrets (api-version 7.4). A new version of a secret that a template has
    created changes nothing in Resource Manager.
    """

    def __init__(self, cloud: SimulatedCloud, seal: ValueSeal) -> None:
        self._cloud = cloud
        self._seal = seal

    def __call__(self, origin: str, request: HttpRequest) -> HttpResponse:
        vault, path = _VAULT_ORIGIN.fullmatch(origin), _SECRET_PATH.fullmatch(request.path)
        if vault is None or path is None:
            return _error(404, "ResourceNotFound", "There is no such vault or path.")
        if not request.header("authorization"):
            return _error(401, "Unauthorized", "AKV10000: Request is missing a Bearer or PoP token.")
        if dict(request.query).get("api-version") is None:
            return _error(400, "BadParameter", "api-version must be specified")
        name, version = path["name"], path["version"]
        secret = self._find_secret(vault["vault"], name)
        if secret is None:
            return _missing(name)
        try:
            if request.method == "PUT" and version is None:
                return self._set(origin, name, secret, json.loads(request.body))
            if request.method == "GET" and version is not None:
                return self._get(origin, name, secret, version)
        except CloudRefusal as refusal:
            return _error(refusal.status, refusal.code, refusal.message)
        return _error(405, "MethodNotAllowed", "The method is not allowed.")

    def _find_secret(self, vault: str, name: str) -> str | None:
        ids = (id_ for type_, id_ in self._cloud.list_resources() if type_ == SECRET_TYPE)
        return next((id_ for id_ in ids if id_.lower().endswith(f"/vaults/{vault}/secrets/{name}".lower())), None)

    def _set(self, origin: str, name: str, secret: str, body: dict[str, Any]) -> HttpResponse:
        value = str(body.get("value", ""))
        if len(value.encode()) > _LARGEST_VALUE:
            return _error(400, "BadParameter", f"Secret value exceeds the maximum length of {_LARGEST_VALUE} bytes.")
        version = uuid.uuid4().hex
        self._cloud.write_secret_version(SECRET_TYPE, secret, version, self._seal.encrypt(value))
        return _bundle(origin, name, version, value)

    def _get(self, origin: str, name: str, secret: str, version: str) -> HttpResponse:
        sealed = self._cloud.read_secret_version(SECRET_TYPE, secret, version)
        return _missing(name) if sealed is None else _bundle(origin, name, version, self._seal.decrypt(sealed))


def _bundle(origin: str, name: str, version: str, value: str) -> HttpResponse:
    return _answer(200, {"value": value, "id": f"{origin}/secrets/{name}/{version}", "attributes": {"enabled": True}})


def _missing(name: str) -> HttpResponse:
    return _error(404, "SecretNotFound", f"A secret with (name/id) {name} was not found in this key vault.")


def _error(status: int, code: str, message: str) -> HttpResponse:
    return _answer(status, {"error": {"code": code, "message": message}})


def _answer(status: int, body: Any) -> HttpResponse:
    return HttpResponse(status, (("content-type", "application/json"),), json.dumps(body).encode())
