"""Where the clouds differ for one and the same source, and why: everything else is one contract."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

OF_AZURE = {"azure_gateway": "azure"}
"""Behind its gateway Azure does as without, where nothing else is said."""

DIFFERENCES: Mapping[str, Mapping[str, Any]] = {
    # API Gateway tells a timeout by 503. The Functions host ends the worker and answers 500; past 230 s the load
    # balancer in front of it would say 502.
    "timeout": {"aws": 503, "azure": 500},
    # API Gateway has a body of its own for errors; the Functions host says nothing.
    "error body": {"aws": b'{"message":"Internal Server Error"}', "azure": b""},
    # Lambda takes 6 MB of event, the Functions host 100 MB of request.
    "request of 7 MB": {"aws": 413, "azure": 200},
    # Lambda gives 6 MB of answer: a server's is replaced by our shim (502), a handler's refused by Lambda (500).
    "answer of 7 MB": {"aws": (500, 502), "azure": (200,)},
    # API Gateway hands cookies on as they are. ASP.NET writes them anew: always with a path, attributes in its order.
    "cookies": {
        "aws": ["a=1", "b=x%20y; Path=/b; HttpOnly; Max-Age=60"],
        "azure": ["a=1; path=/", "b=x%20y; max-age=60; path=/b; httponly"],
    },
    # API Gateway lists what is configured; App Service has no lists and allows what the browser asks for.
    "preflight": {
        "aws": {"access-control-allow-methods": "GET,POST", "access-control-max-age": "60"},
        "azure": {"access-control-allow-methods": "DELETE"},
        "azure_gateway": {"access-control-allow-methods": "GET,POST", "access-control-max-age": "60"},
    },
    # API Management answers preflights with 200, and ends requests of strangers with an empty 200: so it documents.
    "preflight status": {"aws": 204, "azure": 204, "azure_gateway": 200},
    "a stranger's GET": {"aws": (200, b"x"), "azure": (200, b"x"), "azure_gateway": (200, b"")},
    # With this header Azure's gateway opens the app; on AWS it is a client's header like any other.
    "a header of ours": {"aws": ["x-semantest-gateway"], "azure": []},
    # A GET has no body by its meaning; Node's programming model for Azure drops the one that came along.
    "kinds that see the body of a GET": {
        "aws": ("node-server", "node-handler", "python-handler"),
        "azure": ("python-handler",),
    },
}


def allowed(difference: str, provider: str) -> Any:
    """What the provider does in that respect."""
    row = DIFFERENCES[difference]
    return row[provider] if provider in row else row[OF_AZURE[provider]]
