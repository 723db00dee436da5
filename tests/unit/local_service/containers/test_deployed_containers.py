"""What containers of deployed services get, read from the resources of each cloud."""

from __future__ import annotations

import json

from semantest_iac.domain.resource import DeployedResource
from semantest_iac.infrastructure.local_service.aws.local_variables import find_variables
from semantest_iac.infrastructure.local_service.aws.platform.deployed_containers import read_containers as read_tasks
from semantest_iac.infrastructure.local_service.azure.local_variables import find_settings
from semantest_iac.infrastructure.local_service.azure.platform.deployed_containers import read_containers as read_apps

_SECRET_ARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:token-x1"
_VAULT = {"vaultName": "vault", "secretName": "token"}


def _list_aws_resources() -> list[DeployedResource]:
    container = {
        "name": "orders-api",
        "environment": [{"name": "LIMIT", "value": "5"}, {"name": "SEMANTEST_TABLE_ORDERS", "value": "orders-1"}],
        "secrets": [
            {"name": "TOKEN", "valueFrom": f"{_SECRET_ARN}:::7c1"},
            {"name": "OTHER", "valueFrom": "arn:aws:secretsmanager:us-east-1:123456789012:secret:elsewhere"},
        ],
    }
    task = {
        "arn": "arn:aws:ecs:us-east-1:123456789012:task-definition/orders-api:1",
        "containerDefinitions": json.dumps([container]),
    }
    inner = {"loadBalancerType": "application", "idleTimeout": 90}
    return [
        DeployedResource("aws:lb/loadBalancer:LoadBalancer", "gateway-link", {"loadBalancerType": "network"}),
        DeployedResource("aws:lb/loadBalancer:LoadBalancer", "services", inner),
        DeployedResource("aws:ecs/taskDefinition:TaskDefinition", "service-orders-api", task),
        DeployedResource(
            "aws:secretsmanager/secretVersion:SecretVersion",
            "secret-token",
            {"secretId": _SECRET_ARN, "secretString": "the value"},
        ),
    ]


def _list_azure_resources() -> list[DeployedResource]:
    variables = [
        {"name": "LIMIT", "value": "5"},
        {"name": "SEMANTEST_TABLE_ORDERS", "value": "https://a.table.core.windows.net/orders"},
        {"name": "TOKEN", "secretRef": "token"},
        {"name": "OTHER", "secretRef": "other"},
    ]
    secrets = [
        {"name": "token", "keyVaultUrl": "https://vault.vault.azure.net/secrets/token/7c1"},
        {"name": "other", "keyVaultUrl": "https://vault.vault.azure.net/secrets/elsewhere"},
    ]
    inputs = {
        "configuration": {"secrets": secrets},
        "template": {"containers": [{"name": "orders-api", "env": variables}]},
    }
    return [
        DeployedResource("azure-native:app:ContainerApp", "service-orders-api", {"name": "orders-1"}, inputs=inputs),
        DeployedResource(
            "azure-native:keyvault:Secret", "secret-token", {}, inputs={**_VAULT, "properties": {"value": "the value"}}
        ),
    ]


def test_on_aws_they_have_variables_and_the_values_of_secrets() -> None:
    (container,) = read_tasks(_list_aws_resources())

    assert container.service == "orders-api"
    assert (container.variables["LIMIT"], container.variables["AWS_REGION"]) == ("5", "us-east-1")
    assert container.secrets == {"TOKEN": "the value"}
    assert "the value" not in repr(container)


def test_on_azure_they_have_variables_and_the_values_of_secrets() -> None:
    (container,) = read_apps(_list_azure_resources())

    assert container.service == "orders-api"
    assert (container.variables["LIMIT"], container.variables["CONTAINER_APP_NAME"]) == ("5", "orders-1")
    assert container.secrets == {"TOKEN": "the value"}
    assert "the value" not in repr(container)


def test_stores_are_found_in_the_variables_of_services() -> None:
    assert find_variables(_list_aws_resources(), "SEMANTEST_TABLE_") == {"SEMANTEST_TABLE_ORDERS": "orders-1"}
    assert [*find_settings(_list_azure_resources(), "SEMANTEST_TABLE_")] == ["SEMANTEST_TABLE_ORDERS"]


def test_their_ingress_is_that_of_the_cloud() -> None:
    (task,), (app,) = read_tasks(_list_aws_resources()), read_apps(_list_azure_resources())
    (usual,) = read_tasks(_list_aws_resources()[2:])

    assert (task.ingress.idle_s, usual.ingress.idle_s, app.ingress.idle_s) == (90, 60, 240)
    assert (task.ingress.broken_status, app.ingress.broken_status) == (502, 503)
