"""AWS as a table: which function makes which neutral kind."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from semantest_iac.domain.blueprints import features
from semantest_iac.domain.compute.function import ServerlessFunction
from semantest_iac.domain.delivery.live_version import LiveVersion
from semantest_iac.domain.messaging.notification_channel import NotificationChannel
from semantest_iac.domain.monitoring.alarm import Alarm
from semantest_iac.domain.monitoring.gateway_logging import GatewayLogging
from semantest_iac.domain.monitoring.log_store import LogStore
from semantest_iac.domain.networking.http_api import HttpApi
from semantest_iac.domain.networking.private_network import ExistingNetwork, PrivateNetwork
from semantest_iac.domain.networking.web_socket_endpoint import WebSocketAddress, WebSocketEndpoint
from semantest_iac.domain.security.app_secrets import AppSecret
from semantest_iac.domain.security.identity import FunctionIdentity
from semantest_iac.domain.storage.connection_table import ConnectionTable
from semantest_iac.infrastructure.cloud_programs.cloud import Cloud, by

if TYPE_CHECKING:
    import pulumi

    from semantest_iac.infrastructure.cloud_programs.context import Context

_SDK: Final = "pulumi_aws"
_by = partial(by, __package__, _SDK)


def provider(context: Context) -> pulumi.ProviderResource:
    """The provider of the stack's own region, never the one that the shell happens to have set."""
    import pulumi_aws as aws

    made: pulumi.ProviderResource = aws.Provider("aws", region=context.stack.region)
    return made


CLOUD = Cloud(
    name="aws",
    kinds={
        Alarm: _by("monitoring:alarm", "cloudwatch"),
        AppSecret: _by("security:app_secret", "secretsmanager"),
        ConnectionTable: _by("storage:connection_table", "dynamodb"),
        ExistingNetwork: _by("private_networks:existing_network"),
        FunctionIdentity: _by("security:function_identity", "iam"),
        GatewayLogging: _by("account:gateway_logging", "apigateway", "iam"),
        HttpApi: _by("networking:http_api", "apigatewayv2", "lambda_"),
        LiveVersion: _by("delivery:live_version", "lambda_"),
        LogStore: _by("monitoring:log_store", "cloudwatch"),
        NotificationChannel: _by("messaging:notification_channel", "sns"),
        PrivateNetwork: _by("private_networks:private_network", "ec2", "vpc"),
        ServerlessFunction: _by("compute:serverless_function", "lambda_"),
        WebSocketAddress: _by("web_sockets:web_socket_address", "apigatewayv2"),
        WebSocketEndpoint: _by("web_sockets:web_socket_endpoint", "apigatewayv2", "lambda_"),
    },
    provider=provider,
    sdk=_SDK,
    stateful=frozenset(
        {
            "aws:cloudwatch/logGroup:LogGroup",
            "aws:dynamodb/table:Table",
            "aws:secretsmanager/secret:Secret",
        }
    ),
    bends={features.ADMISSION: "none needed: clients show API Gateway the token that they have"},
)
