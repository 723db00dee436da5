"""The data sources that programs ask: who they are, and the keys of what they made."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha512
from typing import Any, Final
from uuid import NAMESPACE_DNS, uuid5

from semantest_iac.infrastructure.simulated_cloud.azure.every_type import TENANT
from semantest_iac.infrastructure.simulated_cloud.cloud import Invoke
from semantest_iac.infrastructure.simulated_cloud.values import Facts, Properties


def _client_config(facts: Facts, _args: Properties) -> dict[str, Any]:
    return {
        "clientId": str(uuid5(NAMESPACE_DNS, "client.simulated")),
        "objectId": str(uuid5(NAMESPACE_DNS, "object.simulated")),
        "subscriptionId": facts["account"],
        "tenantId": TENANT,
    }


def _storage_keys(facts: Facts, args: Properties) -> dict[str, Any]:
    names = ("key1", "key2")
    return {
        "keys": [
            {
                "keyName": name,
                "value": _key(facts, args["accountName"], name),
                "permissions": "FULL",
                "creationTime": facts["now"],
            }
            for name in names
        ]
    }


def _host_keys(facts: Facts, args: Properties) -> dict[str, Any]:
    return {
        "functionKeys": {"default": _key(facts, args["name"], "default")},
        "masterKey": _key(facts, args["name"], "_master"),
        "systemKeys": {},
    }


def _key(facts: Facts, owner: str, name: str) -> str:
    """A key that opens nothing, the same whenever it is asked for."""
    return b64encode(sha512(f"{facts['account']}|{owner}|{name}".encode()).digest()).decode()


INVOKES: Final[Mapping[str, Invoke]] = {
    "azure-native:authorization:getClientConfig": _client_config,
    "azure-native:storage:listStorageAccountKeys": _storage_keys,
    "azure-native:web:listWebAppHostKeys": _host_keys,
}
