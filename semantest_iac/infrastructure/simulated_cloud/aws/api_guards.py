"""What API Gateway refuses, where a table cannot say it: each function is true of a request that is refused."""

from __future__ import annotations

from typing import Any, Final

from semantest_iac.infrastructure.simulated_cloud.aws.roles import may, trusts
from semantest_iac.infrastructure.simulated_cloud.rules import Surroundings
from semantest_iac.infrastructure.simulated_cloud.values import Facts

METHODS: Final = ("ANY", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")
ACCOUNT: Final = "aws:apigateway/account:Account"
WEBSOCKET_TIMEOUT: Final = 29_000
_LOGGING: Final = ("logs:CreateLogStream", "logs:PutLogEvents")
_PUSHES_LOGS: Final = "AmazonAPIGatewayPushToCloudWatchLogs"


def is_http(facts: Facts) -> bool:
    """Whether the API, or the API of the part, speaks HTTP."""
    return bool((facts["api"] or facts)["protocolType"] == "HTTP")


def _cors(around: Surroundings, name: str) -> Any:
    return (around.facts["corsConfiguration"] or {}).get(name)


def opens_credentials_to_all(around: Surroundings) -> bool:
    """Browsers may not send credentials to an API that allows every origin."""
    return bool(_cors(around, "allowCredentials")) and "*" in (_cors(around, "allowOrigins") or ())


def routes_nothing(around: Surroundings) -> bool:
    """A WebSocket API routes on the body of messages."""
    return not is_http(around.facts) and not str(around.facts["routeSelectionExpression"]).startswith(
        ("$request.body", "${request.body")
    )


def is_not_a_proxy(around: Surroundings) -> bool:
    """HTTP APIs have proxy integrations only."""
    return is_http(around.facts) and not str(around.facts["integrationType"]).endswith("_PROXY")


def waits_too_long(around: Surroundings) -> bool:
    """WebSocket integrations end a second earlier than those of HTTP."""
    return not is_http(around.facts) and (around.facts["timeoutMilliseconds"] or 0) > WEBSOCKET_TIMEOUT


def has_no_path(around: Surroundings) -> bool:
    """Routes of HTTP APIs are a method and a path."""
    method, _, path = str(around.facts["routeKey"]).partition(" ")
    return is_http(around.facts) and method != "$default" and not (method in METHODS and path.startswith("/"))


def lacks_authorizer(around: Surroundings) -> bool:
    """Some kinds of authorization name an authorizer."""
    return around.facts["authorizationType"] in ("JWT", "CUSTOM") and not around.facts["authorizerId"]


def guards_late(around: Surroundings) -> bool:
    """A WebSocket is authorized when it connects and never again."""
    guarded = around.facts["authorizationType"] not in ("NONE", "")
    return guarded and not is_http(around.facts) and around.facts["routeKey"] != "$connect"


def lacks_issuer(around: Surroundings) -> bool:
    """Tokens are checked against an issuer."""
    return around.facts["authorizerType"] == "JWT" and not around.facts["jwtConfiguration"]


def checks_tokens_of_messages(around: Surroundings) -> bool:
    """Whether clients of a WebSocket API may connect is asked of functions only."""
    return not is_http(around.facts) and around.facts["authorizerType"] != "REQUEST"


def logs_without_a_role(around: Surroundings) -> bool:
    """What API Gateway itself writes of a WebSocket API goes through a role in the settings of the region."""
    settings = (around.facts["defaultRouteSettings"] or {}, *(around.facts["routeSettings"] or ()))
    logs = bool(around.facts["accessLogSettings"]) or any(one.get("loggingLevel", "OFF") != "OFF" for one in settings)
    allowed = any(row["cloudwatchRoleArn"] for row in around.rows(ACCOUNT))
    return logs and not allowed and not is_http(around.facts)


def takes_no_logs(around: Surroundings) -> bool:
    """API Gateway logs through a role only that it may take on and that may write logs."""
    role = around.facts["role"]
    return bool(role) and not (trusts(role, "apigateway.amazonaws.com") and may(around, role, _LOGGING, _PUSHES_LOGS))


def logs_execution_of_http(around: Surroundings) -> bool:
    """HTTP APIs write access logs only."""
    settings = (around.facts["defaultRouteSettings"] or {}, *(around.facts["routeSettings"] or ()))
    return is_http(around.facts) and any(one.get("loggingLevel", "OFF") != "OFF" for one in settings)
