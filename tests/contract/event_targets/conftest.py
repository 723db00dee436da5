from __future__ import annotations

from tests.contract.broker_fixtures import kafka_server, nats_server, rabbitmq_server, redis_server

__all__ = ["kafka_server", "nats_server", "rabbitmq_server", "redis_server"]
