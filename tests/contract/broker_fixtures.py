"""The servers of brokers, each started when a test of the process first needs it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.brokers import BrokerServer, KafkaServer, NatsServer, RabbitServer, RedisServer, run_broker


@pytest.fixture(scope="session")
def nats_server() -> Iterator[BrokerServer]:
    with run_broker(NatsServer) as server:
        yield server


@pytest.fixture(scope="session")
def redis_server() -> Iterator[BrokerServer]:
    with run_broker(RedisServer) as server:
        yield server


@pytest.fixture(scope="session")
def rabbitmq_server() -> Iterator[BrokerServer]:
    with run_broker(RabbitServer) as server:
        yield server


@pytest.fixture(scope="session")
def kafka_server() -> Iterator[BrokerServer]:
    with run_broker(KafkaServer) as server:
        yield server
