"""Describes the clouds of this distribution."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from semantest_iac.domain.environments.names import CloudProvider
from semantest_iac.infrastructure.clouds.entry import CloudEntry, CredentialLocations

_INFRASTRUCTURE: Final = "semantest_iac.infrastructure"
_AWS_REGIONS: Final = (
    *("us-east-1", "us-east-2", "us-west-1", "us-west-2", "ca-central-1", "ca-west-1", "mx-central-1"),
    *("sa-east-1", "eu-central-1", "eu-central-2", "eu-north-1", "eu-south-1", "eu-south-2", "eu-west-1"),
    *("eu-west-2", "eu-west-3", "af-south-1", "il-central-1", "me-central-1", "me-south-1", "ap-east-1"),
    *("ap-east-2", "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1", "ap-south-2"),
    *("ap-southeast-1", "ap-southeast-2", "ap-southeast-3", "ap-southeast-4", "ap-southeast-5"),
    *("ap-southeast-6", "ap-southeast-7", "us-gov-east-1", "us-gov-west-1", "cn-north-1", "cn-northwest-1"),
)
_AZURE_REGIONS: Final = (
    *("eastus", "eastus2", "westus", "westus2", "westus3", "centralus", "northcentralus", "southcentralus"),
    *("westcentralus", "canadacentral", "canadaeast", "mexicocentral", "brazilsouth", "brazilsoutheast"),
    *("chilecentral", "northeurope", "westeurope", "uksouth", "ukwest", "francecentral", "francesouth"),
    *("germanywestcentral", "germanynorth", "norwayeast", "norwaywest", "swedencentral", "swedensouth"),
    *("switzerlandnorth", "switzerlandwest", "polandcentral", "italynorth", "spaincentral", "austriaeast"),
    *("uaenorth", "uaecentral", "qatarcentral", "israelcentral", "southafricanorth", "southafricawest"),
    *("eastasia", "southeastasia", "japaneast", "japanwest", "koreacentral", "koreasouth", "centralindia"),
    *("southindia", "westindia", "jioindiawest", "jioindiacentral", "indonesiacentral", "malaysiawest"),
    *("australiaeast", "australiasoutheast", "australiacentral", "australiacentral2", "newzealandnorth"),
)
REGION_PAIRS: Final = {"us-east-1": "eastus", "us-west-2": "westus2", "eu-west-1": "westeurope"}  # AWS and Azure

AWS: Final = CloudEntry(
    CloudProvider.AWS.value,
    _AWS_REGIONS,
    "aws",
    region_counterparts={azure: aws for aws, azure in REGION_PAIRS.items()},
    rules=f"{_INFRASTRUCTURE}.clouds.aws_rules:AWS_RULES",
    program=f"{_INFRASTRUCTURE}.cloud_programs.aws.catalogue:CLOUD",
    package="aws",
    sdk_distribution="pulumi-aws",
    simulated_cloud=f"{_INFRASTRUCTURE}.simulated_cloud.aws.catalogue:simulated_aws",
    api_frontend=f"{_INFRASTRUCTURE}.local_service.aws.api_frontend:build_api_frontend",
    permissions=f"{_INFRASTRUCTURE}.permissions.aws_policies:AWS_PERMISSIONS",
    platform_answer_check=f"{_INFRASTRUCTURE}.local_service.aws.api_frontend:is_platform_answer",
    account_checks=f"{_INFRASTRUCTURE}.clouds.account_checks:check_aws_account",
    secret_resources=f"{_INFRASTRUCTURE}.clouds.aws_secrets:AWS_SECRETS",
    secret_store=f"{_INFRASTRUCTURE}.secret_stores.secrets_manager:open_secrets_manager",
    simulated_secret_store=f"{_INFRASTRUCTURE}.secret_stores.secrets_manager:open_simulated_secrets_manager",
    prices=f"{_INFRASTRUCTURE}.clouds.prices.aws_prices:AWS_PRICES",
    traffic_metrics=f"{_INFRASTRUCTURE}.traffic_metrics.aws:CloudWatchTraffic",
    web_sockets=f"{_INFRASTRUCTURE}.local_service.aws.web_sockets:build_web_socket_service",
    messaging=f"{_INFRASTRUCTURE}.local_service.aws.deployed_messaging:read_deployed_messaging",
    message_variables=f"{_INFRASTRUCTURE}.local_service.aws.local_variables:find_message_addresses",
    local_variables=f"{_INFRASTRUCTURE}.local_service.aws.local_variables:add_local_variables",
    function_variables=f"{_INFRASTRUCTURE}.local_service.aws.local_variables:find_variables",
    local_stores=f"{_INFRASTRUCTURE}.local_service.aws.local_stores:AWS_STORES",
    site_rules=f"{_INFRASTRUCTURE}.local_service.aws.platform.deployed_site:read_site_rules",
    gateway_rules=f"{_INFRASTRUCTURE}.local_service.aws.platform.deployed_gateway:read_gateway_rules",
    containers=f"{_INFRASTRUCTURE}.local_service.aws.platform.deployed_containers:read_containers",
    credentials=CredentialLocations(
        ("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"),
        (".aws/credentials", ".aws/config"),
        "Run aws configure, or set AWS_PROFILE.",
    ),
)
AZURE: Final = CloudEntry(
    CloudProvider.AZURE.value,
    _AZURE_REGIONS,
    "azure",
    region_counterparts=REGION_PAIRS,
    rules=f"{_INFRASTRUCTURE}.clouds.azure_rules:AZURE_RULES",
    program=f"{_INFRASTRUCTURE}.cloud_programs.azure.catalogue:CLOUD",
    package="azure-native",
    sdk_distribution="pulumi-azure-native",
    simulated_cloud=f"{_INFRASTRUCTURE}.simulated_cloud.azure.catalogue:simulated_azure",
    api_frontend=f"{_INFRASTRUCTURE}.local_service.azure.api_frontend:build_api_frontend",
    permissions=f"{_INFRASTRUCTURE}.permissions.azure_roles:AZURE_PERMISSIONS",
    platform_answer_check=f"{_INFRASTRUCTURE}.local_service.azure.api_frontend:is_platform_answer",
    account_checks=f"{_INFRASTRUCTURE}.clouds.account_checks:check_azure_account",
    secret_resources=f"{_INFRASTRUCTURE}.clouds.azure_secrets:AZURE_SECRETS",
    secret_store=f"{_INFRASTRUCTURE}.secret_stores.key_vault:open_key_vault",
    simulated_secret_store=f"{_INFRASTRUCTURE}.secret_stores.key_vault:open_simulated_key_vault",
    prices=f"{_INFRASTRUCTURE}.clouds.prices.azure_prices:AZURE_PRICES",
    traffic_metrics=f"{_INFRASTRUCTURE}.traffic_metrics.azure:AzureMonitorTraffic",
    web_sockets=f"{_INFRASTRUCTURE}.local_service.azure.web_sockets:build_web_socket_service",
    messaging=f"{_INFRASTRUCTURE}.local_service.azure.deployed_messaging:read_deployed_messaging",
    message_variables=f"{_INFRASTRUCTURE}.local_service.azure.local_variables:find_message_addresses",
    identities=f"{_INFRASTRUCTURE}.local_service.azure.identities:answer_identity_request",
    local_variables=f"{_INFRASTRUCTURE}.local_service.azure.local_variables:add_local_variables",
    function_variables=f"{_INFRASTRUCTURE}.local_service.azure.local_variables:find_settings",
    local_stores=f"{_INFRASTRUCTURE}.local_service.azure.local_stores:AZURE_STORES",
    gateway_rules=f"{_INFRASTRUCTURE}.local_service.azure.platform.deployed_gateway:read_gateway_rules",
    site_rules=f"{_INFRASTRUCTURE}.local_service.azure.platform.deployed_site:read_site_rules",
    containers=f"{_INFRASTRUCTURE}.local_service.azure.platform.deployed_containers:read_containers",
    code_service=f"{_INFRASTRUCTURE}.simulated_cloud.azure.code_service:CodeService",
    region_setting="location",
    credentials=CredentialLocations(
        ("ARM_CLIENT_ID", "AZURE_CLIENT_ID"),
        (".azure/azureProfile.json",),
        "Run az login, or set ARM_CLIENT_ID, ARM_CLIENT_SECRET, ARM_TENANT_ID and ARM_SUBSCRIPTION_ID.",
    ),
)
CLOUD_ENTRIES: Final[Mapping[str, CloudEntry]] = {cloud.name: cloud for cloud in (AWS, AZURE)}
