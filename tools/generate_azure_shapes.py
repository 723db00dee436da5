"""Writes the schemas of Azure's resource types, which the simulated cloud checks, from the classes of the SDK.

`python tools/generate_azure_shapes.py` writes the files; with `--check` it writes nothing and exits with 1 if one is
stale. Requires `pulumi-azure-native`. To simulate another type, add it to RESOURCES.
"""

from __future__ import annotations

import importlib
import inspect
import re
import sys
from importlib.metadata import version
from typing import Any

from tools.published_schemas import SIMULATED_CLOUD, SdkInputs, outputs_of, render_files, shorten, write_or_check

TARGET = SIMULATED_CLOUD / "azure/schemas"
COMMAND = "python tools/generate_azure_shapes.py"

RESOURCES = {
    "apimanagement": (
        *("Api", "ApiDiagnostic", "ApiManagementService", "ApiOperation", "ApiPolicy", "ApiVersionSet", "Backend"),
        *("Diagnostic", "Logger", "NamedValue", "Product", "ProductApi", "ProductPolicy", "Subscription"),
    ),
    "app": ("ContainerApp", "ManagedEnvironment"),
    "applicationinsights": ("Component", "Workbook"),
    "authorization": ("RoleAssignment",),
    "containerregistry": ("Registry",),
    "cdn": (
        *("AFDCustomDomain", "AFDEndpoint", "AFDOrigin", "AFDOriginGroup", "Profile", "Route"),
        "SecurityPolicy",
    ),
    "cosmosdb": (
        "DatabaseAccount",
        "SqlResourceSqlContainer",
        "SqlResourceSqlDatabase",
        "SqlResourceSqlRoleAssignment",
    ),
    "datafactory": ("Dataset", "Factory", "LinkedService", "Pipeline"),
    "dns": ("RecordSet", "Zone"),
    "frontdoor": ("Policy",),
    "keyvault": ("Secret", "Vault"),
    "logic": ("Workflow",),
    "managedidentity": ("UserAssignedIdentity",),
    "monitor": ("ActionGroup", "DiagnosticSetting", "MetricAlert", "ScheduledQueryRule"),
    "network": (
        *("AzureFirewall", "BastionHost", "DdosProtectionPlan", "FirewallPolicy"),
        *("FirewallPolicyRuleCollectionGroup", "NatGateway", "NetworkSecurityGroup", "PrivateDnsZoneGroup"),
        *("PrivateEndpoint", "PublicIPAddress", "Route", "RouteTable", "Subnet", "VirtualNetwork"),
    ),
    "operationalinsights": ("SavedSearch", "Workspace"),
    "privatedns": ("PrivateRecordSet", "PrivateZone", "VirtualNetworkLink"),
    "redisenterprise": ("AccessPolicyAssignment", "Database", "RedisEnterprise"),
    "resources": ("ResourceGroup",),
    "servicebus": ("DefaultRule", "Namespace", "Queue", "Subscription", "Topic"),
    "sql": ("BackupShortTermRetentionPolicy", "Database", "FirewallRule", "Server", "TransparentDataEncryption"),
    "storage": ("BlobContainer", "BlobServiceProperties", "ManagementPolicy", "StorageAccount", "Table"),
    "web": ("AppServicePlan", "StaticSite", "WebApp", "WebAppApplicationSettings"),
    "webpubsub": ("WebPubSub", "WebPubSubHub"),
}

_VERSION = re.compile(r"Uses Azure REST API version ([\w-]+)\.")


def arguments_class(module: str, name: str) -> type:
    """Return the SDK's class of the inputs of a type."""
    cls = getattr(importlib.import_module(f"pulumi_azure_native.{module}"), name)
    home = sys.modules[cls.__module__]
    found: type = getattr(home, f"{name}InitArgs", None) or getattr(home, f"{name}Args")
    return found


def describe(module: str, name: str, inputs: SdkInputs) -> dict[str, Any]:
    """Return the version of the REST API of a type, its inputs and its other outputs."""
    cls = getattr(importlib.import_module(f"pulumi_azure_native.{module}"), name)
    found = _VERSION.search(inspect.getsource(sys.modules[cls.__module__]))
    declared = inputs.fields([arguments_class(module, name)])
    return {
        "api": found.group(1) if found else "",
        "inputs": shorten(declared),
        "outputs": outputs_of(cls, declared),
    }


def files() -> dict[str, str]:
    """Return the text of each file by its name."""
    collected = {module: SdkInputs() for module in RESOURCES}
    resources = {
        f"azure-native:{module}:{name}": describe(module, name, collected[module])
        for module, names in RESOURCES.items()
        for name in names
    }
    nested = {
        module: {name: shorten(fields) for name, fields in inputs.nested.items()}
        for module, inputs in collected.items()
    }
    sources = {"pulumi-azure-native": version("pulumi-azure-native")}
    return render_files(COMMAND, sources, resources, nested)


if __name__ == "__main__":
    sys.exit(write_or_check(TARGET, files(), COMMAND, sys.argv[1:]))
