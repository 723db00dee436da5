"""Azure as a table: which function makes which neutral kind."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

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
from semantest_iac.infrastructure.cloud_programs.azure.differences import BENDS, LACKS
from semantest_iac.infrastructure.cloud_programs.azure.publishing import PUSH
from semantest_iac.infrastructure.cloud_programs.cloud import Cloud, by

if TYPE_CHECKING:
    import pulumi

    from semantest_iac.infrastructure.cloud_programs.context import Context

_SDK: Final = "pulumi_azure_native"
_by = partial(by, __package__, _SDK)


def provider(context: Context) -> pulumi.ProviderResource:
    """The provider of the stack's own region; whose subscription it is, the person's login says."""
    import pulumi_azure_native as azure

    made: pulumi.ProviderResource = azure.Provider("azure", location=context.stack.region)
    return made


def without_aliases(args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult:
    """The SDK gives every resource the names of all its API versions, of which no stack of ours has ever had one.

    Working them out takes longer than all else that a program does.
    """
    import pulumi

    args.opts.aliases = None
    return pulumi.ResourceTransformationResult(args.props, args.opts)


CLOUD = Cloud(
    name="azure",
    kinds={
        Alarm: _by("monitoring:alarm", "monitor"),
        AppSecret: _by("security:app_secret", "keyvault"),
        ConnectionTable: _by("storage:connection_table", "storage"),
        ExistingNetwork: _by("private_networks:existing_network"),
        FunctionIdentity: _by("security:function_identity", "authorization", "managedidentity", "monitor"),
        HttpApi: _by("networking:http_api", "apimanagement", "monitor"),
        LiveVersion: _by("delivery:live_version"),
        LogStore: _by("monitoring:log_store", "applicationinsights", "operationalinsights"),
        NotificationChannel: _by("messaging:notification_channel", "monitor"),
        PrivateNetwork: _by("private_networks:private_network", "network"),
        ServerlessFunction: _by("compute:serverless_function", "storage", "web"),
        WebSocketAddress: _by("web_sockets:web_socket_address", "webpubsub"),
        WebSocketEndpoint: _by("web_sockets:web_socket_endpoint", "monitor", "webpubsub"),
    },
    provider=provider,
    sdk=_SDK,
    stateful=frozenset({"azure-native:operationalinsights:Workspace", "azure-native:keyvault:Vault"}),
    ground=_by("ground:ground", "authorization", "resources"),
    code=PUSH,
    lacks=LACKS,
    bends=BENDS,
    transformation=without_aliases,
)
