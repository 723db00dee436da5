"""A deployed stack with queues, topics and functions, and what delivers its messages."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from semantest_iac.application.queries.history import all_simulated_releases
from semantest_iac.bootstrap.application import Application
from semantest_iac.bootstrap.serving.local_serving import LocalServing
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.infrastructure.function_runtimes.function_process import PoolLimits
from semantest_iac.infrastructure.local_service.api_frontend import DeployedResources
from semantest_iac.infrastructure.local_service.local_services import Releases
from semantest_iac.infrastructure.local_service.messaging.deliveries import MessageDeliveries, read_messaging
from semantest_iac.infrastructure.local_service.messaging.deployed_messaging import DeployedMessaging
from semantest_iac.infrastructure.local_service.messaging.directory import MessagingDirectory
from semantest_iac.infrastructure.local_service.messaging.endpoint import (
    create_messages_handler,
    find_message_variables,
    serve_messages,
)
from semantest_iac.infrastructure.local_service.messaging.local_messages import StoredMessages
from semantest_iac.infrastructure.local_service.messaging.pollers import DeliveryReport
from semantest_iac.infrastructure.message_store.messages import MessageStore

AWS, AZURE = Stack("workers", "aws", "development", "us-east-1"), Stack("workers", "azure", "development", "eastus")
_WORK = """
import json, os

def handler(event, context):
    failed = []
    for record in event["Records"]:
        with open(os.environ["HANDLED"], "a") as file:
            file.write(json.dumps([record["body"], int(record["attributes"]["ApproximateReceiveCount"])]) + "\\n")
        if record["body"] == "bad":
            failed.append({"itemIdentifier": record["messageId"]})
        if record["body"] == "raise":
            raise ValueError("as asked")
        if record["body"] == "forward":
            from semantest_send import message
            message("events-topic", {"order": 7}, attributes={"kind": "order.paid", "total": 120})
            message("events-topic", {"order": 8}, attributes={"kind": "order.paid", "total": 20})
    return {"batchItemFailures": failed}

def tick(event, context):
    with open(os.environ["HANDLED"] + ".ticks", "a") as file:
        file.write(json.dumps([event["detail-type"], event["time"]]) + "\\n")
    if os.path.exists(os.environ["HANDLED"] + ".fails"):
        raise ValueError("as asked")
"""


class MovableClock:
    """The time of this machine, and as much more as a test wants."""

    def __init__(self) -> None:
        self.ahead_s = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead_s


class Workers:
    """One home with a stack of functions, its messages, and what its functions wrote."""

    def __init__(self, folder: Path, stack: Stack) -> None:
        self.stack, self.handled_file = stack, folder / "handled"
        self.application = Application(folder / "home")
        self.clock = MovableClock()
        self.store = MessageStore(folder / "home", self.clock)
        self.serving = LocalServing(self.application, {})
        self.messages = StoredMessages(self.serving.find_local_probe, self.store)
        self.reports: list[DeliveryReport] = []
        self.url = ""
        self._source = folder / "work"
        self._source.mkdir()
        (self._source / "work.py").write_text(_WORK)

    async def deploy(self, **queues: Any) -> None:
        """Deploy the stack, with these settings of its queues."""
        worker = {"handler": "work.handler", "timeout": 20, "environment": {"HANDLED": str(self.handled_file)}}
        orders = {"max_deliveries": 2, **queues.pop("orders", {})}
        component = {
            "type": "functions",
            "source": str(self._source),
            "queues": {"orders-queue": orders, "steps-queue": {"ordered": True}, "idle-queue": {}, **queues},
            "topics": {
                "events-topic": {
                    "subscriptions": {"audit": {"filter": {"kind": {"prefix": "order."}, "total": {"min": 100}}}}
                }
            },
            "functions": {
                "orders-worker": {**worker, "trigger": {"queue": "orders-queue"}, "sends_to": ["events-topic"]},
                "steps-worker": {**worker, "trigger": {"queue": "steps-queue"}},
                "minutely": {
                    **worker,
                    "handler": "work.tick",
                    "trigger": {"schedule": "* * * * *"},
                },
            },
        }
        row = await self.application.deployments({}).deploy(self.stack, {"components": {"workers": component}})
        assert (row.state, row.error) == ("completed", None)

    async def destroy(self) -> None:
        """Remove the stack."""
        row = await self.application.deployments({}).destroy(self.stack)
        assert row.state == "completed"

    async def read(self) -> DeployedMessaging:
        """Return what is deployed of queues and functions."""
        return await read_messaging(self.stack, self.serving.find_local_probe(self.stack))

    async def send(self, *bodies: str, queue: str = "orders-queue", **options: Any) -> None:
        """Send messages to a queue."""
        from semantest_iac.domain.messaging.messages import SentMessage

        await self.messages.send([str(self.stack)], [SentMessage(it, **options) for it in bodies], queue=queue)

    async def receive(self, queue: str, *, dead_letters: bool = False) -> list[str]:
        """Take the messages that can be received from a queue now."""
        received = await self.messages.receive(
            [str(self.stack)], queue, most=100, wait_s=0, keeps=False, dead_letters=dead_letters
        )
        await self.messages.delete(received)
        return [it.body for it in received.messages]

    def read_handled(self, suffix: str = "") -> list[Any]:
        """Return what the functions of queues wrote, in its order, or that of the schedule."""
        path = self.handled_file.with_name(f"{self.handled_file.name}{suffix}")
        return [*map(json.loads, path.read_text().splitlines())] if path.exists() else []

    def _add_report(self, report: DeliveryReport) -> None:
        if report.source != "schedule":  # one may be due while a test runs
            self.reports.append(report)

    @asynccontextmanager
    async def deliver(self) -> AsyncIterator[MessageDeliveries]:
        """Deliver messages and ticks as long as the block, with the endpoint to which functions send."""
        directory = MessagingDirectory()
        releases = Releases(
            partial(all_simulated_releases, self.application.ledger), self.application.home / "ledger.db"
        )
        deliveries = MessageDeliveries(
            releases.current,
            self.serving.find_local_probe,
            self.store,
            directory,
            self.application.function_logs,
            self._add_report,
            PoolLimits(max_processes=2),
        )
        handler = create_messages_handler(directory, self.store, deliveries.refresh, deliveries.call)
        async with serve_messages(handler, 0) as self.url:

            async def find_variables(stack: Stack, resources: DeployedResources) -> dict[str, str]:
                return {**find_message_variables(self.url, stack, resources)}

            self.serving.variable_sources.append(find_variables)
            async with deliveries:
                yield deliveries


async def wait_until(is_so: Callable[[], Awaitable[bool] | bool], limit_s: float = 240) -> None:
    """Wait until something is so; the limit is only for a test that fails."""
    async with asyncio.timeout(limit_s):
        while True:
            answer = is_so()
            if answer if isinstance(answer, bool) else await answer:
                return
            await asyncio.sleep(0.05)


@pytest.fixture(params=[AWS, AZURE], ids=["aws", "azure"])
def stack(request: pytest.FixtureRequest) -> Stack:
    found: Stack = request.param
    return found


@pytest.fixture
async def workers(tmp_path: Path, stack: Stack) -> Workers:
    """A deployed stack."""
    found = Workers(tmp_path, stack)
    await found.deploy()
    return found
