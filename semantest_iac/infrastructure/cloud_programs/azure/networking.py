"""HTTP APIs: the app's own endpoint in development, API Management before it elsewhere."""

from __future__ import annotations

import pulumi

from semantest_iac.domain.networking.http_api import HttpApi
from semantest_iac.infrastructure.cloud_programs.azure.gateways import gateway
from semantest_iac.infrastructure.cloud_programs.cloud import GROUND
from semantest_iac.infrastructure.cloud_programs.context import Context, Made


def http_api(api: HttpApi, context: Context) -> Made:
    """An HTTPS address whose routes all reach the app."""
    routes = [str(endpoint) for endpoint in api.endpoints]
    if context.made[GROUND]["has_gateway"]:
        return {**gateway(api, context), "routes": routes}
    app = context.made[api.target]
    return {
        "id": app["arn"],
        "name": app["name"],
        "endpoint": pulumi.Output.concat("https://", app["host"]),
        "gateway_id": None,
        "takes_code": True,
        "routes": routes,
    }
