"""Azure as a table: which function makes which neutral kind."""

from __future__ import annotations

import pulumi
import pulumi_azure_native as azure

from semantest_iac.domain.compute.function import ServerlessFunction
from semantest_iac.domain.delivery.live_version import LiveVersion
from semantest_iac.domain.messaging.notification_channel import NotificationChannel
from semantest_iac.domain.monitoring.alarm import Alarm
from semantest_iac.domain.monitoring.log_store import LogStore
from semantest_iac.domain.networking.http_api import HttpApi
from semantest_iac.domain.networking.private_network import ExistingNetwork, PrivateNetwork
from semantest_iac.domain.networking.web_socket_endpoint import WebSocketAddress, WebSocketEndpoint
from semantest_iac.domain.security.app_secrets import AppSecret
from semantest_iac.domain.security.identity import FunctionIdentity
from semantest_iac.domain.storage.connection_table import ConnectionTable
from semantest_iac.infrastructure.cloud_programs.azure import (
    compute,
    delivery,
    ground,
    messaging,
    monitoring,
    networking,
    private_networks,
    publishing,
    security,
    storage,
    web_sockets,
)
from semantest_iac.infrastructure.cloud_programs.azure.differences import BENDS, LACKS
from semantest_iac.infrastructure.cloud_programs.cloud import Cloud, Ground
from semantest_iac.infrastructure.cloud_programs.context import Context


def provider(context: Context) -> pulumi.ProviderResource:
    """The provider of the stack's own region; whose subscription it is, the person's login says."""
    made: pulumi.ProviderResource = azure.Provider("azure", location=context.stack.region)
    return made


def without_aliases(args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult:
    """The SDK gives every resource the names of all its API versions, of which no stack of ours has ever had one.

    Working them out takes longer than all else that a program does.
    """
    args.opts.aliases = None
    return pulumi.ResourceTransformationResult(args.props, args.opts)


CLOUD = Cloud(
    name="azure",
    kinds={
        Alarm: monitoring.alarm,
        AppSecret: security.app_secret,
        ConnectionTable: storage.connection_table,
        ExistingNetwork: private_networks.existing_network,
        FunctionIdentity: security.function_identity,
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
        Alarm: ("pulumi_azure_native.monitor",),
        AppSecret: ("pulumi_azure_native.keyvault",),
        ConnectionTable: ("pulumi_azure_native.storage",),
        FunctionIdentity: (
            "pulumi_azure_native.authorization",
            "pulumi_azure_native.managedidentity",
            "pulumi_azure_native.monitor",
        ),
        HttpApi: ("pulumi_azure_native.apimanagement", "pulumi_azure_native.monitor"),
        LogStore: ("pulumi_azure_native.applicationinsights", "pulumi_azure_native.operationalinsights"),
        NotificationChannel: ("pulumi_azure_native.monitor",),
        PrivateNetwork: ("pulumi_azure_native.network",),
        ServerlessFunction: ("pulumi_azure_native.storage", "pulumi_azure_native.web"),
        WebSocketAddress: ("pulumi_azure_native.webpubsub",),
        WebSocketEndpoint: ("pulumi_azure_native.monitor", "pulumi_azure_native.webpubsub"),
    },
    stateful=frozenset({"azure-native:operationalinsights:Workspace", "azure-native:keyvault:Vault"}),
    ground=Ground(ground.ground, ("pulumi_azure_native.authorization", "pulumi_azure_native.resources")),
    code=publishing.PUSH,
    lacks=LACKS,
    bends=BENDS,
    transformation=without_aliases,
)
