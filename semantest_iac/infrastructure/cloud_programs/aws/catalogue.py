"""AWS as a table: which function makes which neutral kind."""

from __future__ import annotations

import pulumi
import pulumi_aws as aws

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
from semantest_iac.infrastructure.cloud_programs.aws import (
    account,
    compute,
    delivery,
    messaging,
    monitoring,
    networking,
    private_networks,
    security,
    storage,
    web_sockets,
)
from semantest_iac.infrastructure.cloud_programs.cloud import Cloud
from semantest_iac.infrastructure.cloud_programs.context import Context


def provider(context: Context) -> pulumi.ProviderResource:
    """The provider of the stack's own region, never the one that the shell happens to have set."""
    made: pulumi.ProviderResource = aws.Provider("aws", region=context.stack.region)
    return made


CLOUD = Cloud(
    name="aws",
    kinds={
        Alarm: monitoring.alarm,
        AppSecret: security.app_secret,
        ConnectionTable: storage.connection_table,
        ExistingNetwork: private_networks.existing_network,
        FunctionIdentity: security.function_identity,
        GatewayLogging: account.gateway_logging,
        HttpApi: networking.http_api,
        LiveVersion: delivery.live_version,
        LogStore: monitoring.log_store,
        NotificationChannel: messaging.notification_channel,
        PrivateNetwork: private_networks.private_network,
        ServerlessFunction: compute.serverless_function,
        WebSocketAddress: web_sockets.web_socket_address,
        WebSocketEndpoint: web_sockets.web_socket_endpoint,
    },
    provider=provider,
    modules={
        Alarm: ("pulumi_aws.cloudwatch",),
        AppSecret: ("pulumi_aws.secretsmanager",),
        ConnectionTable: ("pulumi_aws.dynamodb",),
        FunctionIdentity: ("pulumi_aws.iam",),
        GatewayLogging: ("pulumi_aws.apigateway", "pulumi_aws.iam"),
        HttpApi: ("pulumi_aws.apigatewayv2", "pulumi_aws.lambda_"),
        LiveVersion: ("pulumi_aws.lambda_",),
        LogStore: ("pulumi_aws.cloudwatch",),
        NotificationChannel: ("pulumi_aws.sns",),
        PrivateNetwork: ("pulumi_aws.ec2", "pulumi_aws.vpc"),
        ServerlessFunction: ("pulumi_aws.lambda_",),
        WebSocketAddress: ("pulumi_aws.apigatewayv2",),
        WebSocketEndpoint: ("pulumi_aws.apigatewayv2", "pulumi_aws.lambda_"),
    },
    stateful=frozenset(
        {
            "aws:cloudwatch/logGroup:LogGroup",
            "aws:dynamodb/table:Table",
            "aws:secretsmanager/secret:Secret",
        }
    ),
)
