"""Describes the clouds of this distribution."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from semantest_iac.domain.environments.providers import AWS_REGIONS, AZURE_REGIONS
from semantest_iac.infrastructure.clouds.entry import CloudEntry, CredentialLocations

_INFRASTRUCTURE: Final = "semantest_iac.infrastructure"

AWS: Final = CloudEntry(
    "aws",
    AWS_REGIONS,
    "aws",
    program=f"{_INFRASTRUCTURE}.cloud_programs.aws.catalogue:CLOUD",
    package="aws",
    sdk="pulumi-aws",
    simulated_cloud=f"{_INFRASTRUCTURE}.simulated_cloud.aws.catalogue:simulated_aws",
    api_frontend=f"{_INFRASTRUCTURE}.local_service.aws.api_frontend:build_api_frontend",
    web_sockets=f"{_INFRASTRUCTURE}.local_service.aws.web_sockets:build_web_socket_service",
    credentials=CredentialLocations(
        ("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"),
        (".aws/credentials", ".aws/config"),
        "Run aws configure, or set AWS_PROFILE.",
    ),
)
AZURE: Final = CloudEntry(
    "azure",
    AZURE_REGIONS,
    "azure",
    program=f"{_INFRASTRUCTURE}.cloud_programs.azure.catalogue:CLOUD",
    package="azure-native",
    sdk="pulumi-azure-native",
    simulated_cloud=f"{_INFRASTRUCTURE}.simulated_cloud.azure.catalogue:simulated_azure",
    api_frontend=f"{_INFRASTRUCTURE}.local_service.azure.api_frontend:build_api_frontend",
    web_sockets=f"{_INFRASTRUCTURE}.local_service.azure.web_sockets:build_web_socket_service",
    code_service=f"{_INFRASTRUCTURE}.simulated_cloud.azure.code_service:CodeService",
    region_setting="location",
    credentials=CredentialLocations(
        ("ARM_CLIENT_ID", "AZURE_CLIENT_ID"),
        (".azure/azureProfile.json",),
        "Run az login, or set ARM_CLIENT_ID and the variables that belong to it.",
    ),
)
CLOUD_ENTRIES: Final[Mapping[str, CloudEntry]] = {cloud.name: cloud for cloud in (AWS, AZURE)}
