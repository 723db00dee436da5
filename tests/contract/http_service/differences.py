"""The documented differences between the clouds for one source; everything else is one contract."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

OF_AZURE = {"azure_gateway": "azure"}
"""With its gateway, Azure behaves as without it unless a row says otherwise."""

DIFFERENCES: Mapping[str, Mapping[str, Any]] = {
    # API Gateway answers a timeout with 503. The Functions host ends the worker and answers 500; past 230 s the load
    # balancer in front of it would say 502.
    "timeout": {"aws": 503, "azure": 500},
    # API Gateway has a body of its own for errors; the Functions host sends none.
    "error body": {"aws": b'{"message":"Internal Server Error"}', "azure": b""},
    # Lambda accepts 6 MB of event, the Functions host 100 MB of request.
    "request of 7 MB": {"aws": 413, "azure": 200},
    # Lambda returns 6 MB of answer: our shim replaces a server's (502), Lambda refuses a handler's (500).
    "answer of 7 MB": {"aws": (500, 502), "azure": (200,)},
    # API Gateway lists what is configured; App Service has no lists and allows what the browser requests.
    "preflight": {
        "aws": {"access-control-allow-methods": "GET,POST", "access-control-max-age": "60"},
        "azure": {"access-control-allow-methods": "DELETE"},
        "azure_gateway": {"access-control-allow-methods": "GET,POST", "access-control-max-age": "60"},
    },
    # API Management answers preflights, and requests of other origins, with an empty 200, as its documentation says.
    "preflight status": {"aws": 204, "azure": 204, "azure_gateway": 200},
    "a GET of another origin": {"aws": (200, b"x"), "azure": (200, b"x"), "azure_gateway": (200, b"")},
    # Azure's gateway authenticates to the app with this header; on AWS it is an ordinary header of the client.
    "gateway key header": {"aws": ["x-semantest-gateway"], "azure": []},
    # The address that clients use.
    "host": {
        "aws": "abc.execute-api.us-east-1.amazonaws.com",
        "azure": "service.azurewebsites.net",
        "azure_gateway": "service.azure-api.net",
    },
    # The body of a GET has no meaning; Node's programming model for Azure drops it.
    "kinds that receive the body of a GET": {
        "aws": ("node-server", "node-handler", "python-handler", "asgi-app", "wsgi-app"),
        "azure": ("python-handler", "asgi-app", "wsgi-app"),
    },
}


def allowed(difference: str, provider: str) -> Any:
    row = DIFFERENCES[difference]
    return row[provider] if provider in row else row[OF_AZURE[provider]]
