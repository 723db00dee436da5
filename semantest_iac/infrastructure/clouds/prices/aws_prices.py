"""What AWS charges in us-east-1 for the kinds that its program creates; free tiers of an account are not subtracted."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Final

from semantest_iac.domain.compute.functions import ServerlessFunction
from semantest_iac.domain.costs.estimates import HOURS_PER_MONTH, SECONDS_PER_MONTH, CostItem, Price
from semantest_iac.domain.delivery.live_version import LiveVersion
from semantest_iac.domain.messaging.queues import MessageBroker, MessageQueue, MessageTopic, TopicSubscription
from semantest_iac.domain.monitoring import observability
from semantest_iac.domain.monitoring.logs_and_alarms import Alarm, GatewayLogging, LogStore, Signal
from semantest_iac.domain.networking.apis import HttpApi, WebSocketAddress, WebSocketEndpoint
from semantest_iac.domain.networking.managed_gateways import ManagedGateway
from semantest_iac.domain.networking.networks import PrivateNetwork
from semantest_iac.domain.networking.virtual_networks import BastionHost
from semantest_iac.domain.security.access import AppSecret
from semantest_iac.domain.security.vaults import SecretVault
from semantest_iac.domain.storage.connection_table import ConnectionTable
from semantest_iac.domain.storage.databases import SqlDatabase
from semantest_iac.domain.storage.item_tables import ItemTable
from semantest_iac.infrastructure.clouds.prices.aws_network_prices import (
    AWS_NETWORK_PRICES,
    AWS_NETWORK_UNIT_PRICES,
)
from semantest_iac.infrastructure.clouds.prices.aws_service_prices import AWS_SERVICE_PRICES
from semantest_iac.infrastructure.clouds.prices.database_prices import AWS_DATABASE_PRICES
from semantest_iac.infrastructure.clouds.prices.gateway_prices import list_aws_gateway_items
from semantest_iac.infrastructure.clouds.prices.price_table import (
    FREE_KINDS,
    PricedUsage,
    PriceTable,
    list_hours,
    list_monthly,
    make_tested_price,
)
from semantest_iac.infrastructure.clouds.prices.site_prices import AWS_SITE_PRICES

_MILLION = 1_000_000


_tested = partial(make_tested_price, "aws")


_DYNAMODB: Final = "https://airbyte.com/data-engineering-resources/dynamodb-pricing"
AWS_UNIT_PRICES: Final = {
    "lambda requests": _tested(0.20, "lambda_function_test"),  # a million
    "lambda duration": _tested(0.0000166667, "lambda_function_test"),  # a GB-second on x86
    "provisioned concurrency": Price(
        0.0000041667,  # a GB-second on x86
        "https://github.com/api-evangelist/aws-lambda/blob/2540b080595eb6a0b672c67986e91a31b5e48cea"
        "/plans/aws-lambda-plans-pricing.yml",
        "2026-05-05",
    ),
    "http requests": _tested(1.00, "apigatewayv2_api_test"),  # a million
    "messages": _tested(1.00, "apigatewayv2_api_test"),  # a million
    "connection minutes": _tested(0.25, "apigatewayv2_api_test"),  # a million
    "log ingestion": _tested(0.50, "cloudwatch_log_group_test"),  # a GB
    "log storage": _tested(0.03, "cloudwatch_log_group_test"),  # a GB and month
    "dashboard": _tested(3.00, "cloudwatch_dashboard_test"),  # a month
    "key": _tested(1.00, "kms_key_test"),  # a month
    "alarm metrics": _tested(0.10, "cloudwatch_metric_alarm_test"),  # a metric and month
    "secret": _tested(0.40, "secretsmanager_secret_test"),  # a month
    "secret reads": _tested(0.05, "secretsmanager_secret_test"),  # ten thousand
    "queue requests": _tested(0.40, "sqs_queue_test"),  # a million
    "ordered queue requests": _tested(0.50, "sqs_queue_test"),  # a million
    "topic requests": _tested(0.50, "sns_topic_test"),  # a million
    "table writes": Price(0.625, _DYNAMODB, "2025-07-21"),  # a million units
    "table reads": Price(0.125, _DYNAMODB, "2025-07-21"),  # a million units
    "traces": Price(5.00, "https://aws.amazon.com/xray/pricing/", "2026-11-30"),  # a million
}
"""USD, by what is charged."""

_FOREVER_DAYS, _DAYS = 365, 30.4
_WRITES_PER_CONNECTION = 4  # a row, and the same in the index of client types, is written and deleted


def _list_function_items(function: ServerlessFunction, priced: PricedUsage) -> Iterator[CostItem]:
    """Calls in provisioned instances are priced like all others, although their duration costs less."""
    calls = priced.count_calls(function)
    gb_seconds = calls * priced.usage.duration_ms / 1000 * function.memory_mb / 1024
    yield CostItem(function.name, "requests", calls / _MILLION, "million", AWS_UNIT_PRICES["lambda requests"])
    yield CostItem(function.name, "duration", gb_seconds, "GB-second", AWS_UNIT_PRICES["lambda duration"])
    if function.tracing:
        # X-Ray's default rule samples the first request of each second and 5 % of the others (its developer guide).
        first = min(calls, SECONDS_PER_MONTH)
        traces = first + 0.05 * (calls - first)
        yield CostItem(function.name, "traces", traces / _MILLION, "million", AWS_UNIT_PRICES["traces"])


def _list_warm_items(live: LiveVersion, priced: PricedUsage) -> Iterator[CostItem]:
    if live.warm:
        gb_seconds = live.warm * SECONDS_PER_MONTH * priced.find_function(live.function).memory_mb / 1024
        price = AWS_UNIT_PRICES["provisioned concurrency"]
        yield CostItem(live.name, "provisioned concurrency", gb_seconds, "GB-second", price, is_fixed=True)


def _list_http_items(api: HttpApi, priced: PricedUsage) -> Iterator[CostItem]:
    yield CostItem(api.name, "requests", priced.usage.requests / _MILLION, "million", AWS_UNIT_PRICES["http requests"])


def _list_web_socket_items(endpoint: WebSocketEndpoint, priced: PricedUsage) -> Iterator[CostItem]:
    minutes = priced.usage.connections * HOURS_PER_MONTH * 60
    yield CostItem(endpoint.name, "messages", priced.usage.requests / _MILLION, "million", AWS_UNIT_PRICES["messages"])
    price = AWS_UNIT_PRICES["connection minutes"]
    yield CostItem(endpoint.name, "connection minutes", minutes / _MILLION, "million", price)


def _list_log_items(store: LogStore | observability.LogWorkspace, priced: PricedUsage) -> Iterator[CostItem]:
    gigabytes, months = priced.usage.log_gb, (store.retention_days or _FOREVER_DAYS) / _DAYS
    yield CostItem(store.name, "log ingestion", gigabytes, "GB", AWS_UNIT_PRICES["log ingestion"])
    yield CostItem(store.name, "log storage", gigabytes * months, "GB-month", AWS_UNIT_PRICES["log storage"])


def _list_alarm_items(alarm: Alarm, priced: PricedUsage) -> Iterator[CostItem]:
    """An alarm on an expression watches two metrics."""
    is_web_socket = any(isinstance(it, WebSocketEndpoint) for it in priced.blueprint.resources)
    has_two = alarm.signal is Signal.ERROR_RATE or (alarm.signal is Signal.SERVER_ERRORS and is_web_socket)
    price = AWS_UNIT_PRICES["alarm metrics"]
    yield CostItem(alarm.name, "alarm metrics", 2 if has_two else 1, "metric", price, is_fixed=True)


def _list_trace_items(traces: observability.TraceStore, priced: PricedUsage) -> Iterator[CostItem]:
    """The rule records the first request of each second, and its share of the others."""
    requests = priced.usage.requests
    first = min(requests, SECONDS_PER_MONTH)
    recorded = first + traces.sampling_percent / 100 * (requests - first)
    yield CostItem(traces.name, "traces", recorded / _MILLION, "million", AWS_UNIT_PRICES["traces"])


def _list_secret_items(secret: AppSecret, priced: PricedUsage) -> Iterator[CostItem]:
    yield CostItem(secret.name, "secret", 1, "each", AWS_UNIT_PRICES["secret"], is_fixed=True)
    yield CostItem(secret.name, "reads", priced.usage.starts / 10_000, "ten thousand", AWS_UNIT_PRICES["secret reads"])


def _list_network_items(network: PrivateNetwork, priced: PricedUsage) -> Iterator[CostItem]:
    if network.reaches_secrets:
        price = AWS_NETWORK_UNIT_PRICES["interface endpoint"]
        yield from list_hours(network.name, "interface endpoint", price, network.zones)


def _list_table_items(table: ConnectionTable, priced: PricedUsage) -> Iterator[CostItem]:
    writes = priced.new_connections * _WRITES_PER_CONNECTION
    yield CostItem(table.name, "writes", writes / _MILLION, "million", AWS_UNIT_PRICES["table writes"])
    yield CostItem(table.name, "reads", priced.usage.requests / _MILLION, "million", AWS_UNIT_PRICES["table reads"])


def _list_item_table_items(table: ItemTable, priced: PricedUsage) -> Iterator[CostItem]:
    """A read and a write for each request; backups are not in it."""
    millions = priced.usage.requests / _MILLION
    yield CostItem(table.name, "writes", millions, "million", AWS_UNIT_PRICES["table writes"])
    yield CostItem(table.name, "reads", millions, "million", AWS_UNIT_PRICES["table reads"])


_REQUESTS_PER_MESSAGE = 3  # it is sent, received and deleted


def _list_queue_items(queue: MessageQueue | TopicSubscription, priced: PricedUsage) -> Iterator[CostItem]:
    """Polls that find nothing are not in it; a topic delivers to its subscriptions for nothing."""
    is_fifo = queue.ordered or (isinstance(queue, MessageQueue) and queue.rejects_duplicates)
    price = AWS_UNIT_PRICES["ordered queue requests" if is_fifo else "queue requests"]
    requests = priced.count_messages() * (_REQUESTS_PER_MESSAGE - isinstance(queue, TopicSubscription))
    yield CostItem(queue.name, "requests", requests / _MILLION, "million", price)


def _list_topic_items(topic: MessageTopic, priced: PricedUsage) -> Iterator[CostItem]:
    messages = priced.count_messages() / _MILLION
    yield CostItem(topic.name, "requests", messages, "million", AWS_UNIT_PRICES["topic requests"])


AWS_PRICES: Final = PriceTable(
    "us-east-1",
    {
        Alarm: _list_alarm_items,
        AppSecret: _list_secret_items,
        ConnectionTable: _list_table_items,
        observability.AnomalyAlarm: list_monthly("alarm metrics", AWS_UNIT_PRICES["alarm metrics"], unit="metric"),
        observability.Dashboard: list_monthly("dashboard", AWS_UNIT_PRICES["dashboard"]),
        HttpApi: _list_http_items,
        ItemTable: _list_item_table_items,
        LiveVersion: _list_warm_items,
        LogStore: _list_log_items,
        ManagedGateway: list_aws_gateway_items,
        observability.LogWorkspace: _list_log_items,
        observability.PlatformAlarm: list_monthly("alarm metrics", AWS_UNIT_PRICES["alarm metrics"], unit="metric"),
        MessageQueue: _list_queue_items,
        MessageTopic: _list_topic_items,
        PrivateNetwork: _list_network_items,
        SecretVault: list_monthly("key", AWS_UNIT_PRICES["key"]),
        ServerlessFunction: _list_function_items,
        observability.TraceStore: _list_trace_items,
        TopicSubscription: _list_queue_items,
        WebSocketEndpoint: _list_web_socket_items,
        **AWS_NETWORK_PRICES,
        **AWS_DATABASE_PRICES,
        **AWS_SERVICE_PRICES,
        **AWS_SITE_PRICES,
    },
    FREE_KINDS
    | {
        BastionHost,  # an Instance Connect Endpoint, which has no price of its own: the page on prices of EC2
        *(GatewayLogging, MessageBroker, SqlDatabase, WebSocketAddress),
    },
)
"""Not in it: e-mails of alarms, data that leaves the cloud, and queries of logs."""
