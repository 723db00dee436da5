"""The way into what is deployed, and what is said where there is none."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.errors import NotFoundError
from semantest_iac.domain.resource import DeployedResource
from semantest_iac.infrastructure.local_service.local_probe import LocalProbe, ProbeClient
from semantest_iac.infrastructure.local_service.warm_service import ignore_invocation
from semantest_iac.infrastructure.local_service.web_socket_service import WebSocketContext

STACK = Stack("rest-api", "aws", "development", "us-east-1")
TOPIC = DeployedResource("aws:sns/topic:Topic", "alerts", {})


class TestSockets:
    @pytest.mark.parametrize(
        ("deployed", "said"),
        [([], "nothing is deployed"), ([TOPIC], "it answers HTTP alone")],
        ids=["no-stack", "http"],
    )
    async def test_are_not_everywhere(self, deployed: list[DeployedResource], said: str, tmp_path: Path) -> None:
        door = LocalProbe(lambda stack: asyncio.sleep(0, deployed), tmp_path, lambda package: package)

        with pytest.raises(NotFoundError, match=said):
            await door.sockets(STACK, WebSocketContext(ProbeClient(), door.unpacked, ignore_invocation))
