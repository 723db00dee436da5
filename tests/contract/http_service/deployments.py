"""Deployed resources of a service, with only the properties that frontends read."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from semantest_iac.domain.compute.functions import Artifact
from semantest_iac.domain.environments.environment_settings import Throttling
from semantest_iac.domain.environments.settings import Authorizer, Cors
from semantest_iac.domain.networking.apis import HttpApi
from semantest_iac.domain.resource import DeployedResource, Ref
from semantest_iac.infrastructure.cloud_programs.azure.http_apis import policy_document
from semantest_iac.infrastructure.local_service.api_frontend import ApiFrontend, UnpackPackage
from semantest_iac.infrastructure.local_service.aws.api_frontend import build_api_frontend as aws_front
from semantest_iac.infrastructure.local_service.azure.api_frontend import build_api_frontend as azure_front

ORIGIN = "https://app.example"
ROUTE_KEYS = ("$default", "GET /todos/{id}", "ANY /files/{path+}", "GET /todos/all")
_MANAGEMENT = "azure-native:apimanagement"
_API = HttpApi(
    name="api",
    target=Ref("function"),
    endpoints=(),
    throttling=Throttling(rate=10_000, burst=20_000),
    cors=Cors(origins=(ORIGIN,), methods=("GET", "POST"), headers=("content-type",), credentials=False, max_age=60),
    authorizer=Authorizer(issuer="https://login.example", audience=("service",), header="Authorization"),
)
_INTEGRATION, _ROUTE = "aws:apigatewayv2/integration:Integration", "aws:apigatewayv2/route:Route"
_WORKERS = {"nodejs": ("node", "24"), "python": ("python", "3.13")}


def _aws(artifact: Artifact, timeout_s: int, unpack: UnpackPackage, payload: str) -> ApiFrontend | None:
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
        DeployedResource(_INTEGRATION, "api", {"payloadFormatVersion": payload}, id="api"),
        *(
            DeployedResource(_ROUTE, key, {"routeKey": key, "authorizationType": "NONE", "target": "integrations/api"})
            for key in ROUTE_KEYS
        ),
    ]
    return aws_front(resources, unpack)


def _azure(artifact: Artifact, timeout_s: int, unpack: UnpackPackage, payload: str) -> ApiFrontend | None:
    app = _app(artifact, timeout_s, {"cors": {"allowedOrigins": [ORIGIN]}}, SEMANTEST_PAYLOAD=payload)
    return azure_front([app], unpack)


def _azure_with_gateway(artifact: Artifact, timeout_s: int, unpack: UnpackPackage, payload: str) -> ApiFrontend | None:
    """As in every environment but development: with the policy that the Azure program writes."""
    app = _app(artifact, timeout_s, {}, SEMANTEST_GATEWAY_KEY="key-of-the-app", SEMANTEST_PAYLOAD=payload)
    methods = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
    operations = [
        DeployedResource(
            f"{_MANAGEMENT}:ApiOperation",
            f"{method} {path}",
            {},
            {"operationId": f"{method}{path}", "method": method, "urlTemplate": path},
        )
        for method in methods
        for path in ("/", "/*", "/locked")
    ]
    public = [it.inputs["operationId"] for it in operations if it.inputs["urlTemplate"] != "/locked"]
    resources = [
        app,
        *operations,
        DeployedResource(f"{_MANAGEMENT}:ApiManagementService", "api", {"gatewayUrl": "https://service.azure-api.net"}),
        DeployedResource(f"{_MANAGEMENT}:Api", "api", {}, {"path": ""}),
        DeployedResource(f"{_MANAGEMENT}:ApiPolicy", "api", {}, {"value": policy_document(_API, public)}),
        DeployedResource(
            f"{_MANAGEMENT}:NamedValue", "api", {}, {"displayName": "gateway-key", "value": "key-of-the-app"}
        ),
    ]
    return azure_front(resources, unpack)


def _app(artifact: Artifact, timeout_s: int, site: Mapping[str, object], **settings: str) -> DeployedResource:
    name, version = next(worker for start, worker in _WORKERS.items() if artifact.runtime.startswith(start))
    all_settings = {
        "AzureFunctionsJobHost__functionTimeout": f"00:00:{timeout_s:02}",
        "SEMANTEST_ROUTES": json.dumps(ROUTE_KEYS[1:]),
        **settings,
    }
    inputs = {
        "functionAppConfig": {
            "runtime": {"name": name, "version": version},
            "scaleAndConcurrency": {"instanceMemoryMB": 512},
        },
        "siteConfig": {**site, "appSettings": [{"name": name, "value": value} for name, value in all_settings.items()]},
    }
    outputs = {"name": "service", "defaultHostName": "service.azurewebsites.net", "location": "eastus"}
    return DeployedResource("azure-native:web:WebApp", "function", outputs, inputs, code=artifact.digest)


FRONTENDS: Mapping[str, Callable[[Artifact, int, UnpackPackage, str], ApiFrontend | None]] = {
    "aws": _aws,
    "azure": _azure,
    "azure_gateway": _azure_with_gateway,
}
