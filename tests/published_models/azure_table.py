"""Which call of Azure's management packages creates each of Pulumi's types, and which names differ.

A type without a row is created by the operations that are called after it, in the package of its module. A row names
what that guess does not find.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

_METHODS: Final = tuple(
    f"{begin}{name}" for name in ("create_or_update", "create", "create_update", "put") for begin in ("", "begin_")
)


@dataclass(frozen=True, slots=True, eq=False)
class AzureCall:
    """The create call of a type: a package below `azure.mgmt`, groups of operations and their possible names.

    `renamed`: a path in Pulumi's words -> the field or the parameter, `-` for what no request has.
    """

    package: str
    groups: tuple[str, ...]
    renamed: Mapping[str, str] = field(default_factory=dict)
    methods: tuple[str, ...] = _METHODS


_PACKAGES: Final = {
    "app": "appcontainers",
    "applicationinsights": "applicationinsights.v2020_02_02",
    "authorization": "authorization.v2022_04_01",
    "managedidentity": "msi.v2024_11_30",
    "operationalinsights": "loganalytics",
    "resources": "resource.resources",
}
_CALLS: Final[Mapping[str, AzureCall]] = {
    "azure-native:servicebus:DefaultRule": AzureCall("servicebus", ("Rules",)),
    "azure-native:web:StaticSite": AzureCall(
        "web", ("StaticSites",), methods=("begin_create_or_update_static_site", "create_or_update_static_site")
    ),
    "azure-native:web:WebAppApplicationSettings": AzureCall(
        "web", ("WebApps",), methods=("update_application_settings",)
    ),
    "azure-native:applicationinsights:Workbook": AzureCall("applicationinsights.v2023_06_01", ("Workbooks",)),
    **{
        f"azure-native:cosmosdb:SqlResource{name}": AzureCall(
            "cosmosdb", ("SqlResources",), methods=(f"begin_create_update_{call}",)
        )
        for name, call in (
            ("SqlContainer", "sql_container"),
            ("SqlDatabase", "sql_database"),
            ("SqlRoleAssignment", "sql_role_assignment"),
        )
    },
    "azure-native:frontdoor:Policy": AzureCall("frontdoor", ("Policies",)),
    "azure-native:redisenterprise:RedisEnterprise": AzureCall("redisenterprise", ("RedisEnterprise",)),
    "azure-native:privatedns:PrivateRecordSet": AzureCall("privatedns", ("RecordSets",)),
    "azure-native:network:NatGateway": AzureCall("network", ("NatGateways",)),
    "azure-native:network:PublicIPAddress": AzureCall("network", ("PublicIPAddresses",)),
    "azure-native:storage:BlobServiceProperties": AzureCall(
        "storage", ("BlobServices",), {"blobServicesName": "-"}, methods=("set_service_properties",)
    ),
    "azure-native:storage:StorageAccount": AzureCall(
        "storage", ("StorageAccounts",), {"enableHttpsTrafficOnly": "supportsHttpsTrafficOnly"}
    ),
}
_known: dict[str, AzureCall | None] = {}


def find_call(type_: str) -> AzureCall | None:
    """Return the call of a type, or the one that its name suggests."""
    if type_ not in _known:
        _known[type_] = _CALLS.get(type_) or _guess_call(type_)
    return _known[type_]


def _guess_call(type_: str) -> AzureCall:
    _, module, kind = type_.split(":")
    plurals = (f"{kind}s", f"{kind[:-1]}ies", f"{kind}es", kind)
    return AzureCall(_PACKAGES.get(module, module), plurals)
