"""What an engine would tell of a deployed service, as short as the fronts can read it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from semantest_iac.domain.compute.artifact import Artifact
from semantest_iac.domain.deployment.deployed import DeployedResource
from semantest_iac.infrastructure.local_service import aws_front, azure_front
from semantest_iac.infrastructure.local_service.front import Front, Unpack

ORIGIN = "https://app.example"
_WORKERS = {"nodejs": ("node", "24"), "python": ("python", "3.13")}


def _aws(artifact: Artifact, timeout_s: int, unpack: Unpack) -> Front | None:
    cors = {"allowOrigins": [ORIGIN], "allowMethods": ["GET", "POST"], "allowHeaders": ["content-type"], "maxAge": 60}
    api = {"apiEndpoint": "https://abc.execute-api.us-east-1.amazonaws.com", "corsConfiguration": cors}
    function = {
        "arn": "arn:aws:lambda:us-east-1:123456789012:function:service",
        "sourceCodeHash": artifact.source_code_hash,
        "handler": artifact.handler,
        "runtime": artifact.runtime,
        "memorySize": 512,
        "timeout": timeout_s,
        "version": "1",
    }
    resources = [
        DeployedResource("aws:apigatewayv2/api:Api", "api", api),
        DeployedResource("aws:lambda/function:Function", "function", function),
        DeployedResource("aws:apigatewayv2/route:Route", "all", {"routeKey": "$default", "authorizationType": "NONE"}),
    ]
    return aws_front.front(resources, unpack)


def _azure(artifact: Artifact, timeout_s: int, unpack: Unpack) -> Front | None:
    name, version = next(worker for start, worker in _WORKERS.items() if artifact.runtime.startswith(start))
    timeout = {"name": "AzureFunctionsJobHost__functionTimeout", "value": f"00:00:{timeout_s:02}"}
    inputs = {
        "functionAppConfig": {
            "runtime": {"name": name, "version": version},
            "scaleAndConcurrency": {"instanceMemoryMB": 512},
        },
        "siteConfig": {"appSettings": [timeout], "cors": {"allowedOrigins": [ORIGIN]}},
    }
    outputs = {"name": "service", "defaultHostName": "service.azurewebsites.net", "location": "eastus"}
    app = DeployedResource("azure-native:web:WebApp", "function", outputs, inputs, code=artifact.digest)
    return azure_front.front([app], unpack)


FRONTS: Mapping[str, Callable[[Artifact, int, Unpack], Front | None]] = {"aws": _aws, "azure": _azure}
