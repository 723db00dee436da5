"""Samples of API Management and Web PubSub."""

from __future__ import annotations

from tests.unit.simulated_cloud.azure.tokens import (
    API,
    API_DIAGNOSTIC,
    API_OPERATION,
    API_POLICY,
    API_SUBSCRIPTION,
    API_VERSION_SET,
    BACKEND,
    COMPONENT,
    GATEWAY_DIAGNOSTIC,
    HUB,
    IN_GROUP,
    LOCATED,
    LOGGER,
    NAMED_VALUE,
    PRODUCT,
    PRODUCT_API,
    PRODUCT_POLICY,
    SERVICE,
    WEB_PUBSUB,
    Sample,
)

_IN_SERVICE = {**IN_GROUP, "serviceName": "apim-semantest"}
_IN_API = {**_IN_SERVICE, "apiId": "rest"}
_RATE_BY_KEY = '<rate-limit-by-key calls="100" renewal-period="60" counter-key="@(context.Api.Id)" />'

SAMPLES: dict[str, Sample] = {
    SERVICE: lambda world: {
        **LOCATED,
        "serviceName": "apim-semantest",
        "publisherEmail": "someone@example.org",
        "publisherName": "Semantest",
        "sku": {"name": "StandardV2", "capacity": 1},
        "identity": {"type": "SystemAssigned"},
    },
    API: lambda _: {
        **_IN_SERVICE,
        "apiId": "rest",
        "path": "",
        "displayName": "REST",
        "protocols": ["https"],
        "subscriptionRequired": False,
        "serviceUrl": "https://func-semantest.azurewebsites.net",
    },
    API_VERSION_SET: lambda _: {
        **_IN_SERVICE,
        "versionSetId": "rest",
        "displayName": "REST",
        "versioningScheme": "Segment",
    },
    API_OPERATION: lambda _: {
        **_IN_API,
        "operationId": "health",
        "displayName": "Health",
        "method": "GET",
        "urlTemplate": "/health",
    },
    API_POLICY: lambda _: {
        **_IN_API,
        "policyId": "policy",
        "format": "rawxml",
        "value": f"<policies><inbound>{_RATE_BY_KEY}</inbound></policies>",
    },
    LOGGER: lambda world: {
        **_IN_SERVICE,
        "loggerId": "insights",
        "loggerType": "applicationInsights",
        "resourceId": world[COMPONENT].id,
        "credentials": {"connectionString": world[COMPONENT].outputs["connectionString"]},
    },
    API_DIAGNOSTIC: lambda world: {
        **_IN_API,
        "diagnosticId": "applicationinsights",
        "loggerId": world[LOGGER].id,
        "sampling": {"samplingType": "fixed", "percentage": 100},
    },
    NAMED_VALUE: lambda _: {
        **_IN_SERVICE,
        "namedValueId": "function-key",
        "displayName": "function-key",
        "secret": True,
        "value": "opens nothing",
    },
    BACKEND: lambda _: {
        **_IN_SERVICE,
        "backendId": "live",
        "protocol": "http",
        "url": "https://func-semantest.azurewebsites.net/api",
        "credentials": {"header": {"x-functions-key": ["{{function-key}}"]}},
    },
    PRODUCT: lambda _: {**_IN_SERVICE, "productId": "standard", "displayName": "Standard", "state": "published"},
    PRODUCT_API: lambda _: {**_IN_API, "productId": "standard"},
    PRODUCT_POLICY: lambda _: {
        **_IN_SERVICE,
        "productId": "standard",
        "policyId": "policy",
        "format": "xml",
        "value": '<policies><inbound><quota calls="1000" renewal-period="86400" /></inbound></policies>',
    },
    API_SUBSCRIPTION: lambda world: {
        **_IN_SERVICE,
        "sid": "web",
        "displayName": "Web",
        "scope": world[PRODUCT].id,
        "state": "active",
    },
    GATEWAY_DIAGNOSTIC: lambda world: {
        **_IN_SERVICE,
        "diagnosticId": "applicationinsights",
        "loggerId": world[LOGGER].id,
        "sampling": {"samplingType": "fixed", "percentage": 100},
    },
    WEB_PUBSUB: lambda _: {
        **LOCATED,
        "resourceName": "wps-semantest",
        "sku": {"name": "Standard_S1", "capacity": 1},
        "identity": {"type": "SystemAssigned"},
        "disableLocalAuth": True,
    },
    HUB: lambda _: {
        **IN_GROUP,
        "resourceName": "wps-semantest",
        "hubName": "semantest",
        "properties": {
            "anonymousConnectPolicy": "deny",
            "eventHandlers": [
                {
                    "urlTemplate": "https://hooks.example.org/events",
                    "systemEvents": ["connect", "disconnected"],
                    "userEventPattern": "*",
                    "auth": {"type": "ManagedIdentity", "managedIdentity": {"resource": "api://semantest"}},
                }
            ],
        },
    },
}
