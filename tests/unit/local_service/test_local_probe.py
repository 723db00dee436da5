"""What the local probe says of stacks that it cannot call."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.errors import NotFoundError
from semantest_iac.domain.resource import DeployedResource
from semantest_iac.infrastructure.local_service.local_probe import LocalProbe, ProbeClient
from semantest_iac.infrastructure.local_service.web_socket_service import WebSocketContext

STACK = Stack("rest-api", "aws", "development", "us-east-1")
TOPIC = DeployedResource("aws:sns/topic:Topic", "alerts", {})


class TestWebSocketService:
    @pytest.mark.parametrize(
        ("resources", "message"),
        [([], "nothing is deployed"), ([TOPIC], "it answers only HTTP")],
        ids=["no-stack", "http"],
    )
    async def test_is_missing_without_a_web_socket_api(
        self, resources: list[DeployedResource], message: str, tmp_path: Path
    ) -> None:
        probe = LocalProbe(lambda stack: asyncio.sleep(0, resources), tmp_path, lambda package: package)

        with pytest.raises(NotFoundError, match=message):
            await probe.build_web_socket_service(STACK, WebSocketContext(ProbeClient(), probe.unpack_package))
