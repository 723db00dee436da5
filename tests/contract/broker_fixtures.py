"""The servers of brokers, each started when a test of a module first needs it: idle ones use memory and time."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.brokers import BrokerServer, KafkaServer, NatsServer, RabbitServer, RedisServer, run_broker


@pytest.fixture(scope="module")
def nats_server() -> Iterator[BrokerServer]:
    with run_broker(NatsServer) as server:
        yield server


@pytest.fixture(scope="module")
def redis_server() -> Iterator[BrokerServer]:
    with run_broker(RedisServer) as server:
        yield server


@pytest.fixture(scope="module")
def rabbitmq_server() -> Iterator[BrokerServer]:
    with run_broker(RabbitServer) as server:
        yield server


@pytest.fixture(scope="module")
def kafka_server() -> Iterator[BrokerServer]:
    with run_broker(KafkaServer) as server:
        yield server
