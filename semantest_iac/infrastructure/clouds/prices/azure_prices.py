"""What Azure charges in eastus for the kinds that its program creates; free grants are not subtracted."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from math import ceil
from typing import Final

from semantest_iac.domain.compute.functions import ServerlessFunction
from semantest_iac.domain.costs.estimates import DAYS_PER_MONTH, HOURS_PER_MONTH, SECONDS_PER_MONTH, CostItem, Price
from semantest_iac.domain.delivery.live_version import LiveVersion
from semantest_iac.domain.messaging.queues import MessageBroker, MessageQueue, MessageTopic, TopicSubscription
from semantest_iac.domain.monitoring import observability
from semantest_iac.domain.monitoring.logs_and_alarms import Alarm, LogSource, LogStore, Signal
from semantest_iac.domain.networking.apis import HttpApi, WebSocketAddress, WebSocketEndpoint
from semantest_iac.domain.networking.managed_gateways import ManagedGateway
from semantest_iac.domain.networking.networks import LoadBalancer, PrivateNetwork
from semantest_iac.domain.security.access import AppSecret
from semantest_iac.domain.security.vaults import SecretVault
from semantest_iac.domain.storage.connection_table import ConnectionTable
from semantest_iac.domain.storage.databases import SqlServer
from semantest_iac.domain.storage.item_tables import ItemTable
from semantest_iac.infrastructure.clouds.azure_rules import has_gateway, round_memory, round_workspace_retention
from semantest_iac.infrastructure.clouds.plan.azure_departures import choose_broker_tier
from semantest_iac.infrastructure.clouds.prices.azure_network_prices import (
    AZURE_NETWORK_PRICES,
)
from semantest_iac.infrastructure.clouds.prices.azure_service_prices import AZURE_SERVICE_PRICES
from semantest_iac.infrastructure.clouds.prices.database_prices import AZURE_DATABASE_PRICES
from semantest_iac.infrastructure.clouds.prices.price_table import (
    FREE_KINDS,
    PricedUsage,
    PriceTable,
    list_hours,
    list_monthly,
    make_catalogued_price,
    make_tested_price,
)
from semantest_iac.infrastructure.clouds.prices.site_prices import AZURE_FREE_SITE_KINDS, AZURE_SITE_PRICES

_MILLION = 1_000_000


_tested = partial(make_tested_price, "azure")


AZURE_UNIT_PRICES: Final = {
    "execution time": Price(  # a GB-second on demand
        0.000026, "https://modal.com/blog/azure-function-pricing-guide", "2025-05-22"
    ),
    "gateway calls": _tested(3.50, "api_management_test"),  # a million, Consumption tier
    "developer unit": _tested(48.03 / HOURS_PER_MONTH, "api_management_test"),  # an hour
    "basic operations": _tested(0.05, "servicebus_namespace_test"),  # a million
    "standard operations": _tested(0.80, "servicebus_namespace_test"),  # a million beyond the first 13
    "standard namespace": _tested(9.81 / HOURS_PER_MONTH, "servicebus_namespace_test"),  # an hour
    "messaging unit": _tested(677.08 / HOURS_PER_MONTH, "servicebus_namespace_test"),  # an hour
    "hub unit": make_catalogued_price(1.61, "azure/azurerm_web_pubsub", "2026-06-14"),  # a day, Standard tier
    "telemetry": _tested(2.30, "application_insights_test"),  # a GB
    "telemetry retention": _tested(0.10, "application_insights_test"),  # a GB and month beyond 90 days
    "metric alert": _tested(0.10, "monitor_metric_alert_test"),  # a time series and month
    "query alert": _tested(1.50, "monitor_scheduled_query_rules_alert_v2_test"),  # a rule of five minutes and month
    "secret reads": _tested(0.03, "key_vault_key_test"),  # ten thousand
}
"""USD, by what is charged.

No dated public source was found for executions and always-ready instances of Flex Consumption, for messages of Web
PubSub beyond its units, for operations of tables, and for the v2 tiers of API Management: their prices are unknown.
"""

_QUERY_SIGNALS: Final = frozenset({Signal.ERROR_RATE, Signal.LATENCY, Signal.CONCURRENCY})
_SERVER_ERROR_STATUSES = 5  # each status of an app's own metric is a time series; a gateway has one for all
_FREE_RETENTION_DAYS, _DAYS = 90, 30.4
_LEAST_BILLED_MS, _BILLED_STEP_MS = 1000, 100  # source: the vendor's page "Estimating consumption-based costs"
_MESSAGES_IN_UNIT = 1_000_000  # a day


def _list_function_items(function: ServerlessFunction, priced: PricedUsage) -> Iterator[CostItem]:
    """Requests that an instance serves at the same time are priced as if each had it alone."""
    if function.host_function:
        return
    calls, memory = priced.count_calls(function), round_memory(function.memory_mb)
    billed_ms = max(_LEAST_BILLED_MS, ceil(priced.usage.duration_ms / _BILLED_STEP_MS) * _BILLED_STEP_MS)
    gb_seconds = calls * billed_ms / 1000 * memory / 1024
    yield CostItem(function.name, "execution time", gb_seconds, "GB-second", AZURE_UNIT_PRICES["execution time"])
    yield CostItem(function.name, "executions", calls / _MILLION, "million", None)
    if warm := function.scaling.minimum:
        ready = warm * SECONDS_PER_MONTH * memory / 1024
        yield CostItem(function.name, "always-ready instances", ready, "GB-second", None, is_fixed=True)


def _list_http_items(api: HttpApi, priced: PricedUsage) -> Iterator[CostItem]:
    """The app's own endpoint costs nothing."""
    if has_gateway(priced.blueprint):
        calls = priced.usage.requests / _MILLION
        yield CostItem(api.name, "gateway calls", calls, "million", AZURE_UNIT_PRICES["gateway calls"])


def _list_hub_items(address: WebSocketAddress, priced: PricedUsage) -> Iterator[CostItem]:
    """Development has the free tier."""
    blueprint = priced.blueprint
    if (blueprint.base_environment or blueprint.stack.environment) != "development":
        yield CostItem(address.name, "hub unit", DAYS_PER_MONTH, "day", AZURE_UNIT_PRICES["hub unit"], is_fixed=True)
        more = max(0.0, priced.usage.requests - _MESSAGES_IN_UNIT * DAYS_PER_MONTH)
        yield CostItem(address.name, "messages beyond the unit", more / _MILLION, "million", None)


def _list_log_items(store: LogStore, priced: PricedUsage) -> Iterator[CostItem]:
    if store.source is LogSource.ACCESS and not has_gateway(priced.blueprint):
        return
    yield from _list_telemetry_items(store, priced)


def _list_telemetry_items(store: LogStore | observability.LogWorkspace, priced: PricedUsage) -> Iterator[CostItem]:
    gigabytes = priced.usage.log_gb
    longer = max(0, round_workspace_retention(store.retention_days) - _FREE_RETENTION_DAYS) / _DAYS
    yield CostItem(store.name, "telemetry", gigabytes, "GB", AZURE_UNIT_PRICES["telemetry"])
    price = AZURE_UNIT_PRICES["telemetry retention"]
    yield CostItem(store.name, "telemetry retention", gigabytes * longer, "GB-month", price)


def _list_alarm_items(alarm: Alarm, priced: PricedUsage) -> Iterator[CostItem]:
    if alarm.signal in _QUERY_SIGNALS:
        yield CostItem(alarm.name, "query alert", 1, "rule", AZURE_UNIT_PRICES["query alert"], is_fixed=True)
        return
    is_app_metric = alarm.signal is Signal.SERVER_ERRORS and not has_gateway(priced.blueprint)
    series = _SERVER_ERROR_STATUSES if is_app_metric else 1
    yield CostItem(alarm.name, "metric alert", series, "time series", AZURE_UNIT_PRICES["metric alert"], is_fixed=True)


def _list_platform_alarm_items(alarm: observability.PlatformAlarm, _priced: PricedUsage) -> Iterator[CostItem]:
    """No source was found for a rule that is evaluated every hour."""
    if alarm.signal is observability.PlatformSignal.BALANCER_ERRORS:
        return
    if alarm.signal is observability.PlatformSignal.LOG_VOLUME:
        yield CostItem(alarm.name, "query alert of an hour", 1, "rule", None, is_fixed=True)
    else:
        price = AZURE_UNIT_PRICES["metric alert"]
        yield CostItem(alarm.name, "metric alert", 1, "time series", price, is_fixed=True)


def _list_secret_items(secret: AppSecret, priced: PricedUsage) -> Iterator[CostItem]:
    yield CostItem(
        secret.name, "reads", priced.usage.starts / 10_000, "ten thousand", AZURE_UNIT_PRICES["secret reads"]
    )


def _list_table_items(table: ConnectionTable, priced: PricedUsage) -> Iterator[CostItem]:
    operations = priced.usage.requests + 2 * priced.new_connections
    yield CostItem(table.name, "table operations", operations / 10_000, "ten thousand", None)


def _list_item_table_items(table: ItemTable, priced: PricedUsage) -> Iterator[CostItem]:
    """A read and a write for each request."""
    yield CostItem(table.name, "table operations", 2 * priced.usage.requests / 10_000, "ten thousand", None)


_OPERATIONS_PER_MESSAGE = 2  # it is sent and received
_MILLIONS_IN_STANDARD = 13  # operations of a month


def _list_broker_items(broker: MessageBroker, priced: PricedUsage) -> Iterator[CostItem]:
    """A namespace is charged for the operations of all its queues and topics, or on Premium for its units alone."""
    tier = choose_broker_tier(broker)
    entities = [
        it for it in priced.blueprint.resources if isinstance(it, MessageQueue | MessageTopic | TopicSubscription)
    ]
    millions = len(entities) * priced.count_messages() * _OPERATIONS_PER_MESSAGE / _MILLION
    if tier == "premium":
        yield from list_hours(broker.name, "messaging unit", AZURE_UNIT_PRICES["messaging unit"])
    elif tier == "standard":
        price, more = AZURE_UNIT_PRICES["standard operations"], max(0.0, millions - _MILLIONS_IN_STANDARD)
        yield from list_hours(broker.name, "namespace", AZURE_UNIT_PRICES["standard namespace"])
        yield CostItem(broker.name, "operations", more, "million", price)
    else:
        yield CostItem(broker.name, "operations", millions, "million", AZURE_UNIT_PRICES["basic operations"])


def _list_gateway_items(gateway: ManagedGateway, _priced: PricedUsage) -> Iterator[CostItem]:
    price = AZURE_UNIT_PRICES["developer unit"] if gateway.tier == "basic" else None
    yield from list_hours(gateway.name, "gateway unit", price)


AZURE_PRICES: Final = PriceTable(
    "eastus",
    {
        Alarm: _list_alarm_items,
        AppSecret: _list_secret_items,
        ConnectionTable: _list_table_items,
        HttpApi: _list_http_items,
        ItemTable: _list_item_table_items,
        LogStore: _list_log_items,
        ManagedGateway: _list_gateway_items,
        observability.LogWorkspace: _list_telemetry_items,
        observability.AnomalyAlarm: list_monthly("metric, learnt threshold", AZURE_UNIT_PRICES["metric alert"], 2),
        observability.PlatformAlarm: _list_platform_alarm_items,
        MessageBroker: _list_broker_items,
        ServerlessFunction: _list_function_items,
        WebSocketAddress: _list_hub_items,
        **AZURE_NETWORK_PRICES,
        **AZURE_DATABASE_PRICES,
        **AZURE_SERVICE_PRICES,
        **AZURE_SITE_PRICES,
    },
    FREE_KINDS
    | AZURE_FREE_SITE_KINDS
    | {
        *(
            observability.Dashboard,
            LiveVersion,
            LoadBalancer,
            MessageQueue,
            MessageTopic,
            PrivateNetwork,
            SecretVault,
            SqlServer,
        ),
        *(TopicSubscription, observability.TraceStore, WebSocketEndpoint),
    },
)
"""Not in it: e-mails of alarms, the storage of packages, data that leaves the cloud, and queries of logs."""
