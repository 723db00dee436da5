"""The way into what is deployed, and what is said where there is none."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from semantest_iac.domain.deployment.deployed import DeployedResource
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.errors import NotFoundError
from semantest_iac.infrastructure.local_service.door import LocalDoor
from semantest_iac.infrastructure.local_service.socket_visit import Visitors
from semantest_iac.infrastructure.local_service.sockets import Surroundings
from semantest_iac.infrastructure.local_service.warm_service import unheard

STACK = Stack("rest-api", "aws", "development", "us-east-1")
TOPIC = DeployedResource("aws:sns/topic:Topic", "alerts", {})


class TestSockets:
    @pytest.mark.parametrize(
        ("deployed", "said"),
        [([], "nothing is deployed"), ([TOPIC], "it answers HTTP alone")],
        ids=["no-stack", "http"],
    )
    async def test_are_not_everywhere(self, deployed: list[DeployedResource], said: str, tmp_path: Path) -> None:
        door = LocalDoor(lambda stack: asyncio.sleep(0, deployed), tmp_path, lambda package: package)

        with pytest.raises(NotFoundError, match=said):
            await door.sockets(STACK, Surroundings(Visitors(), door.unpacked, unheard))
