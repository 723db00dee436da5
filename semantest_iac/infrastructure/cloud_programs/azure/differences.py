"""What Azure lacks of what blueprints ask for, and what it has in a form of its own."""

from __future__ import annotations

from collections.abc import Mapping

from semantest_iac.domain.blueprints import features
from semantest_iac.domain.blueprints.features import Wanted
from semantest_iac.domain.monitoring.gateway_logging import GatewayLogging

_SUBNET = "a function app is placed in one subnet"
_GATEWAY = "by API Management, which development does without"

LACKS: Mapping[Wanted, str] = {
    GatewayLogging: "each gateway has a diagnostic setting of its own, and no subscription has to allow that first",
    features.SUBNETS: f"{_SUBNET}, which spans all zones",
    features.GROUPS: f"{_SUBNET}, and the group is that of the subnet",
    features.LONG_RETENTION: "Log Analytics keeps logs for 730 days at most",
}
BENDS: Mapping[Wanted, str] = {
    features.MEMORY: "the next of 512, 2048 and 4096 MB",
    features.TRACING: "always on: Application Insights hears of every request",
    features.ROUTES: f"{_GATEWAY}: there the app hears of every path",
    features.THROTTLING: f"{_GATEWAY}; one limit over the time of a burst",
    features.CORS: "by origins alone in development, for every method and header",
    features.ACCESS_LOG: f"{_GATEWAY}: there the function's telemetry has every request",
    features.CONNECTION_LOG: "always on: the function's workspace has every connection and message",
    features.RETENTION: "30 days at least",
    features.RECOVERY: "7 days at least, for all secrets of a stack alike",
}
