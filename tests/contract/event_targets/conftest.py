from __future__ import annotations

from tests.contract.broker_fixtures import nats_server, rabbitmq_server, redis_server

__all__ = ["nats_server", "rabbitmq_server", "redis_server"]
