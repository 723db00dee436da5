"""Container Apps with their environments, and registries of images.

Source of what is `TERRAFORM`: the validators and the replacements of Terraform's provider for Azure; of what is `DOC`:
Azure's pages on Container Apps (networking, containers, scaling, probes) and on the tiers of Container Registry.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from ipaddress import ip_network
from typing import Any, Final
from zlib import crc32

from semantest_iac.infrastructure.simulated_cloud.azure.networking import SUBNET_TYPE, subnet_delegations
from semantest_iac.infrastructure.simulated_cloud.azure.resource_type import (
    IDENTITY_TYPE,
    PROVIDERS_ID_PREFIX,
    ArmType,
    id_reference,
    refine,
)
from semantest_iac.infrastructure.simulated_cloud.schema.properties import (
    DOC,
    TERRAFORM,
    Length,
    OneOf,
    Pattern,
    Range,
)
from semantest_iac.infrastructure.simulated_cloud.schema.refusals import Refusal
from semantest_iac.infrastructure.simulated_cloud.schema.rules import (
    GuardContext,
    OnDelete,
    OutputSource,
    RecomputedOutputs,
    RequestGuard,
    TypeRule,
    UniqueHandle,
)
from semantest_iac.infrastructure.simulated_cloud.schema.values import RequestFacts, values_at_path

ENVIRONMENT_TYPE: Final = "azure-native:app:ManagedEnvironment"
CONTAINER_APP_TYPE: Final = "azure-native:app:ContainerApp"
REGISTRY_TYPE: Final = "azure-native:containerregistry:Registry"

_DELEGATION: Final = "Microsoft.App/environments"
_SMALLEST_SUBNET_PREFIX: Final = 27
_OTHER_USERS: Final[Mapping[str, str]] = {
    ENVIRONMENT_TYPE: "vnetConfiguration.infrastructureSubnetId",
    "azure-native:web:WebApp": "virtualNetworkSubnetId",
}
"""What has a subnet for itself, with the input that names it."""
_CONSUMPTION: Final = "Consumption"
_GIB_PER_PROCESSOR: Final = 2
_WORDS: Final = ("agreeable", "bravebeach", "calmfield", "delightfulsky", "gentlewave", "happyriver", "kindstone")
_CHOSEN: Final = refine(computed_default=True)


def _subnet_id(facts: Any) -> str:
    return str((facts["vnetConfiguration"] or {}).get("infrastructureSubnetId") or "")


def _lacks_delegation(context: GuardContext) -> bool:
    subnet = context.facts["infrastructure"]
    has_profiles = bool(context.facts["workloadProfiles"])
    return bool(subnet) and has_profiles and _DELEGATION not in subnet_delegations(subnet)


def _is_in_small_subnet(context: GuardContext) -> bool:
    prefix = str((context.facts["infrastructure"] or {}).get("addressPrefix") or "")
    return bool(prefix) and ip_network(prefix).prefixlen > _SMALLEST_SUBNET_PREFIX


def _shares_subnet(context: GuardContext) -> bool:
    """Whether something else is in the subnet; on an update the environment itself is."""
    own, id_ = _subnet_id(context.facts).lower(), str(context.previous.get("id", "")).lower()
    return bool(own) and any(
        str(used).lower() == own and str(row.get("id", "")).lower() != id_
        for type_, path in _OTHER_USERS.items()
        for row in context.resources_of(type_)
        for used in values_at_path(row, path)
    )


def _is_internal_without_network(context: GuardContext) -> bool:
    network = context.facts["vnetConfiguration"] or {}
    return bool(network.get("internal")) and not network.get("infrastructureSubnetId")


def _spans_zones_without_network(context: GuardContext) -> bool:
    return bool(context.facts["zoneRedundant"]) and not _subnet_id(context.facts)


def _is_internal_and_public(context: GuardContext) -> bool:
    is_internal = bool((context.facts["vnetConfiguration"] or {}).get("internal"))
    return is_internal and context.facts["publicNetworkAccess"] == "Enabled"


def _domain(facts: RequestFacts) -> str:
    """Return the domain of an environment, which Azure makes of a word and a number."""
    number = crc32(facts["uuid"].encode())
    region = str(facts["location"] or facts["region"]).lower().replace(" ", "")
    return f"{_WORDS[number % len(_WORDS)]}-{number:08x}.{region}.azurecontainerapps.io"


def _address(facts: RequestFacts) -> str:
    """Return the address of the ingress: one of the subnet in a private environment, a public one elsewhere."""
    number = crc32(facts["uuid"].encode())
    prefix = (facts["infrastructure"] or {}).get("addressPrefix")
    if prefix and (facts["vnetConfiguration"] or {}).get("internal"):
        block = ip_network(prefix)
        return str(block[block.num_addresses // 2 + number % (block.num_addresses // 4)])
    return f"20.{number % 200 + 10}.{number // 200 % 250}.{number // 50_000 % 250}"


def _containers(facts: Any) -> list[dict[str, Any]]:
    return list((facts["template"] or {}).get("containers") or ())


def _has_odd_size(context: GuardContext) -> bool:
    """Whether the memory is not 2 GiB for each processor; sizes of dedicated machines are free."""
    if context.facts["workloadProfileName"] not in (None, "", _CONSUMPTION):
        return False
    return any(_is_odd(it.get("resources") or {}) for it in _containers(context.facts))


def _is_odd(resources: Mapping[str, Any]) -> bool:
    cpu, memory = resources.get("cpu"), str(resources.get("memory") or "")
    if cpu is None or not memory.endswith("Gi"):
        return False
    return float(memory.removesuffix("Gi")) != float(cpu) * _GIB_PER_PROCESSOR


def _names_unknown_secret(context: GuardContext) -> bool:
    configuration = context.facts["configuration"] or {}
    known = {it.get("name") for it in configuration.get("secrets") or ()}
    named = {
        it["secretRef"] for one in _containers(context.facts) for it in one.get("env") or () if it.get("secretRef")
    }
    context.facts["unknown_secret"] = ", ".join(sorted(map(str, named - known)))
    return bool(named - known)


def _scales_backwards(context: GuardContext) -> bool:
    scale = (context.facts["template"] or {}).get("scale") or {}
    return (scale.get("minReplicas") or 0) > (scale.get("maxReplicas") or 10)


def _names_unknown_profile(context: GuardContext) -> bool:
    wanted = context.facts["workloadProfileName"]
    profiles = (context.facts["environment"] or {}).get("workloadProfiles") or ()
    return bool(wanted) and wanted not in {it.get("name") for it in profiles}


def _uses_foreign_identity(context: GuardContext) -> bool:
    """Whether a registry, a secret or a rule is read as an identity that the app does not have."""
    configuration, template = context.facts["configuration"] or {}, context.facts["template"] or {}
    users = (*(configuration.get("registries") or ()), *(configuration.get("secrets") or ()))
    rules = (it.get("custom") or {} for it in (template.get("scale") or {}).get("rules") or ())
    named = {str(it["identity"]).lower() for it in (*users, *rules) if it.get("identity")} - {"system"}
    own = {str(it).lower() for it in (context.facts["identity"] or {}).get("userAssignedIdentities") or ()}
    return bool(named - own)


def _revision(facts: RequestFacts) -> str:
    """Return the name of the newest revision, which changes with what runs and how it scales."""
    return f"{facts['containerAppName']}--{crc32(repr(facts['template']).encode()):07x}"


def _revision_domain(facts: RequestFacts) -> str:
    ingress = (facts["configuration"] or {}).get("ingress") or {}
    if not ingress:
        return ""
    inner = "" if ingress.get("external") else ".internal"
    return f"{_revision(facts)}{inner}.{(facts['environment'] or {}).get('defaultDomain', '')}"


_REVISION_OUTPUTS: Final[dict[str, OutputSource]] = {
    "latestReadyRevisionName": _revision,
    "latestRevisionName": _revision,
    "latestRevisionFqdn": _revision_domain,
}


def _refuse(applies: Callable[[GuardContext], bool], code: str, message: str) -> RequestGuard:
    return RequestGuard(applies, Refusal(code, message), DOC)


def _sku_of(facts: Any) -> str:
    return str((facts["sku"] or {}).get("name") or "")


def _needs_premium(context: GuardContext) -> bool:
    facts = context.facts
    asks = facts["publicNetworkAccess"] == "Disabled" or facts["zoneRedundancy"] == "Enabled"
    return asks and _sku_of(facts) != "Premium"


CONTAINER_TYPES: Final[dict[str, TypeRule]] = {
    ENVIRONMENT_TYPE: ArmType(
        ENVIRONMENT_TYPE, f"{PROVIDERS_ID_PREFIX}Microsoft.App/managedEnvironments/{{environmentName}}"
    ).rule(
        {
            "environmentName": refine(Pattern(r"^[a-zA-Z0-9][a-zA-Z0-9-]{0,58}[a-zA-Z0-9]\Z", TERRAFORM)),
            "vnetConfiguration.infrastructureSubnetId": refine(force_new=True),
            "vnetConfiguration.internal": refine(force_new=True),
            "zoneRedundant": refine(force_new=True, computed_default=True),
            "infrastructureResourceGroup": refine(force_new=True, computed_default=True),
            "publicNetworkAccess": refine(OneOf(("Enabled", "Disabled"), DOC), computed_default=True),
            "appLogsConfiguration.destination": refine(OneOf(("log-analytics", "azure-monitor", "none"), DOC)),
            **dict.fromkeys(("availabilityZones", "ingressConfiguration", "kind"), _CHOSEN),
            **dict.fromkeys(("peerAuthentication", "peerTrafficConfiguration", "vnetConfiguration"), _CHOSEN),
            "workloadProfiles": _CHOSEN,
        },
        computed={
            "defaultDomain": _domain,
            "staticIp": _address,
            "privateLinkDefaultDomain": "",
            "deploymentErrors": "",
            "eventStreamEndpoint": "https://{region}.azurecontainerapps.dev/events",
            "publicNetworkAccess": "Enabled",
            "zoneRedundant": lambda _: False,
        },
        references=(
            id_reference(
                "vnetConfiguration.infrastructureSubnetId",
                SUBNET_TYPE,
                fact_name="infrastructure",
                on_delete=OnDelete.REFUSE,
            ),
        ),
        guards=(
            _refuse(
                _lacks_delegation,
                "ManagedEnvironmentSubnetDelegationError",
                f"The subnet of the environment must be delegated to the service '{_DELEGATION}'.",
            ),
            _refuse(
                _is_in_small_subnet,
                "ManagedEnvironmentSubnetSizeNotValid",
                f"The subnet of an environment with workload profiles is /{_SMALLEST_SUBNET_PREFIX} at least.",
            ),
            _refuse(
                _shares_subnet,
                "ManagedEnvironmentSubnetInUse",
                "The subnet is used by another service. An environment needs one of its own.",
            ),
            _refuse(
                _is_internal_without_network,
                "InvalidRequestParameterWithDetails",
                "An internal environment needs infrastructureSubnetId.",
            ),
            _refuse(
                _spans_zones_without_network,
                "InvalidRequestParameterWithDetails",
                "A zone redundant environment needs infrastructureSubnetId.",
            ),
            _refuse(
                _is_internal_and_public,
                "InvalidRequestParameterWithDetails",
                "publicNetworkAccess cannot be Enabled in an internal environment.",
            ),
        ),
        in_use_refusal=Refusal(
            "ManagedEnvironmentInUse", "The environment {id} has apps and cannot be deleted before them: {dependents}."
        ),
        latency_seconds=180,
    ),
    CONTAINER_APP_TYPE: ArmType(
        CONTAINER_APP_TYPE, f"{PROVIDERS_ID_PREFIX}Microsoft.App/containerApps/{{containerAppName}}"
    ).rule(
        {
            "containerAppName": refine(Length(2, 32, TERRAFORM), Pattern(r"^[a-z](-?[a-z0-9])+\Z", TERRAFORM)),
            "environmentId": refine(force_new=True),
            "managedEnvironmentId": refine(force_new=True, computed_default=True),
            "configuration.activeRevisionsMode": refine(OneOf(("Multiple", "Single", "Labels"), DOC)),
            "configuration.maxInactiveRevisions": refine(Range(0, 100, TERRAFORM), computed_default=True),
            "configuration.ingress.targetPort": refine(Range(1, 65535, TERRAFORM)),
            "template.scale.minReplicas": refine(Range(0, 1000, DOC)),
            "template.scale.maxReplicas": refine(Range(1, 1000, DOC)),
            "template.containers.probes.failureThreshold": refine(Range(1, 30, TERRAFORM)),
            "template.containers.probes.periodSeconds": refine(Range(1, 240, TERRAFORM)),
            "template.containers.probes.timeoutSeconds": refine(Range(1, 240, TERRAFORM)),
            **dict.fromkeys(("kind", "workloadProfileName"), _CHOSEN),
        },
        recomputed=(RecomputedOutputs(tuple(_REVISION_OUTPUTS), ("template",)),),
        computed={
            **_REVISION_OUTPUTS,
            "customDomainVerificationId": "{uuid}",
            "deploymentErrors": "",
            "eventStreamEndpoint": "https://{region}.azurecontainerapps.dev/events",
            "managedEnvironmentId": "{environmentId}",
            "outboundIpAddresses": lambda _: [],
            "runningStatus": "Running",
        },
        references=(
            id_reference("environmentId", ENVIRONMENT_TYPE, fact_name="environment", on_delete=OnDelete.REFUSE),
            id_reference("identity.userAssignedIdentities.*", IDENTITY_TYPE, fact_name="identity_found"),
        ),
        guards=(
            _refuse(
                _has_odd_size,
                "ContainerAppInvalidResourceTotal",
                "The memory of a container on the Consumption profile is 2Gi for each of its processors.",
            ),
            _refuse(
                _names_unknown_secret,
                "ContainerAppSecretRefNotFound",
                "SecretRef '{unknown_secret}' is not a secret of the app.",
            ),
            _refuse(_scales_backwards, "ContainerAppInvalidScaleSpec", "maxReplicas must not be below minReplicas."),
            _refuse(
                _names_unknown_profile,
                "WorkloadProfileNotFound",
                "The environment has no workload profile '{workloadProfileName}'.",
            ),
            _refuse(
                _uses_foreign_identity,
                "InvalidIdentity",
                "Registries, secrets and scale rules are read as an identity that is assigned to the app.",
            ),
        ),
        latency_seconds=30,
    ),
    REGISTRY_TYPE: ArmType(
        REGISTRY_TYPE, f"{PROVIDERS_ID_PREFIX}Microsoft.ContainerRegistry/registries/{{registryName}}"
    ).rule(
        {
            "registryName": refine(Pattern(r"^[a-zA-Z0-9]{5,50}\Z", TERRAFORM)),
            "sku.name": refine(OneOf(("Basic", "Standard", "Premium"), TERRAFORM)),
            **dict.fromkeys(("adminUserEnabled", "anonymousPullEnabled", "dataEndpointEnabled", "encryption"), _CHOSEN),
            **dict.fromkeys(("networkRuleBypassOptions", "networkRuleSet", "policies"), _CHOSEN),
            "publicNetworkAccess": _CHOSEN,
            "zoneRedundancy": refine(force_new=True, computed_default=True),
        },
        rendered={"sku": lambda facts: {"name": _sku_of(facts), "tier": _sku_of(facts)}},
        computed={
            "loginServer": lambda facts: f"{facts['registryName']}.azurecr.io".lower(),
            "creationDate": "{now}",
            "status": lambda _: {"displayStatus": "Ready"},
            "adminUserEnabled": lambda _: False,
            "anonymousPullEnabled": lambda _: False,
            "dataEndpointEnabled": lambda _: False,
            "networkRuleBypassOptions": "AzureServices",
            "publicNetworkAccess": "Enabled",
            "zoneRedundancy": "Disabled",
        },
        unique=(
            UniqueHandle(
                "{registryName}", Refusal("AlreadyInUse", "The registry name '{registryName}' is in use.", 409)
            ),
        ),
        guards=(
            RequestGuard(
                _needs_premium,
                Refusal("SKUNotSupported", "Closing the public address and spanning zones need the Premium tier."),
                TERRAFORM,
            ),
        ),
        latency_seconds=15,
    ),
}
