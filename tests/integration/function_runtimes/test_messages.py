"""A handler that messages and schedules call, packaged for both clouds, in both languages."""

from __future__ import annotations

import json
import shutil
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from semantest_iac.domain.messaging.messages import DeliveredMessage
from semantest_iac.domain.ports.artifact_builder import FunctionCode, FunctionSource
from semantest_iac.infrastructure.artifacts.package_builder import PackageBuilder
from semantest_iac.infrastructure.clouds.azure_timers import describe_schedule
from semantest_iac.infrastructure.function_runtimes.function_process import FunctionProcess
from semantest_iac.infrastructure.function_runtimes.function_spec import FunctionSpec, Invocation
from semantest_iac.infrastructure.function_runtimes.messages.message_events import (
    build_bus_event,
    build_sqs_event,
    build_timer_event,
    find_failed_messages,
)
from semantest_iac.infrastructure.function_runtimes.package_cache import PackageCache

PYTHON, NODE = "python3.11", "nodejs20.x"
_PYTHON_SOURCE = """
import json

def handler(event, context):
    print(json.dumps({"seen": event}))
    failed = [it["messageId"] for it in event.get("Records", ()) if it["body"] == "bad"]
    return {"batchItemFailures": [{"itemIdentifier": id} for id in failed]}
"""
_NODE_SOURCE = """
exports.handler = async (event) => {
  console.log(JSON.stringify({ seen: event }))
  const failed = (event.Records ?? []).filter(({ body }) => body === 'bad').map(({ messageId }) => messageId)
  return { batchItemFailures: failed.map((itemIdentifier) => ({ itemIdentifier })) }
}
"""
_FILES = {PYTHON: ("worker.py", _PYTHON_SOURCE), NODE: ("worker.js", _NODE_SOURCE)}
_SENT = datetime(2026, 11, 30, 20, 0, tzinfo=UTC)
_MESSAGE = DeliveredMessage(
    "m-1", '{"order": 7}', _SENT, {"kind": "order.paid", "total": 12.5}, deliveries=2, group="customer-3", receipt="r-1"
)
_BAD = DeliveredMessage("m-2", "bad", _SENT)
_TRIGGERS = [{"function": "worker", "queue": "orders-queue"}, {"function": "nightly", "timer": "0 0 3 * * *"}]

Start = Callable[..., Any]


@pytest.fixture
def start(tmp_path: Path) -> Start:
    """Package two functions for a cloud, and run them."""

    @asynccontextmanager
    async def start_package(
        provider: str, runtime: str, function: str = "worker", **environment: str
    ) -> AsyncIterator[FunctionProcess]:
        if runtime == NODE and shutil.which("node") is None:
            pytest.skip("node is not on the PATH")
        if runtime == NODE and provider == "azure" and shutil.which("npm") is None:
            pytest.skip("npm is not on the PATH")
        source, (name, text) = tmp_path / "source", _FILES[runtime]
        source.mkdir()
        (source / name).write_text(text)
        code = FunctionCode("worker.handler")
        artifact = PackageBuilder(tmp_path / "home").build(
            FunctionSource(
                source,
                runtime=runtime,
                provider=provider,
                functions={"worker": code, "nightly": code},
                has_messages=True,
            )
        )
        folder = PackageCache(tmp_path / "home").unpack(artifact.path)
        platform = "lambda" if provider == "aws" else "functions"
        own = {"SEMANTEST_FUNCTION": function} if provider == "aws" else {"SEMANTEST_TRIGGERS": json.dumps(_TRIGGERS)}
        spec = FunctionSpec(
            folder, artifact.handler, artifact.runtime, platform=platform, environment={**own, **environment}
        )
        async with FunctionProcess.start(spec) as process:
            yield process

    return start_package


def _seen(invocation: Invocation) -> Mapping[str, Any]:
    lines = [line for line in invocation.output.splitlines() if '"seen"' in line]
    seen: Mapping[str, Any] = json.loads(lines[-1][lines[-1].index('{"seen"') :])["seen"]
    return seen


def _without_place(record: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name not in ("eventSourceARN", "awsRegion")}


@pytest.mark.parametrize("runtime", [PYTHON, NODE])
class TestMessages:
    async def test_have_one_form_on_both_clouds(self, start: Start, runtime: str, tmp_path: Path) -> None:
        async with start("azure", runtime) as process:
            invocation = await process.invoke(build_bus_event("worker", _MESSAGE))
        (record,) = _seen(invocation)["Records"]

        (expected,) = build_sqs_event([_MESSAGE], "arn:aws:sqs:us-east-1:123456789012:orders", "us-east-1")["Records"]
        assert invocation.error is None
        assert _without_place(record) == _without_place(expected)
        assert record["eventSourceARN"].endswith(":orders-queue")

    async def test_that_are_named_as_failed_are_delivered_again(self, start: Start, runtime: str) -> None:
        async with start("azure", runtime) as process:
            good, bad = [await process.invoke(build_bus_event("worker", it)) for it in (_MESSAGE, _BAD)]

        assert good.error is None
        assert "m-2 as failed" in bad.error["errorMessage"]

    async def test_of_a_batch_fail_one_by_one_on_aws(self, start: Start, runtime: str) -> None:
        async with start("aws", runtime) as process:
            event = build_sqs_event([_MESSAGE, _BAD], "arn:aws:sqs:us-east-1:123456789012:orders", "us-east-1")
            invocation = await process.invoke(event)

        assert find_failed_messages(invocation.result, ["m-1", "m-2"]) == {"m-2"}


@pytest.mark.parametrize("runtime", [PYTHON, NODE])
class TestTicks:
    async def test_have_the_time_that_was_planned(self, start: Start, runtime: str) -> None:
        async with start("azure", runtime) as process:
            planned = datetime.now(UTC).replace(second=0, microsecond=0)
            invocation = await process.invoke(build_timer_event("nightly", planned))

        seen = _seen(invocation)
        assert (seen["detail-type"], seen["source"]) == ("Scheduled Event", "semantest.schedule")
        assert seen["time"] == planned.strftime("%Y-%m-%dT%H:%M:%SZ")

    async def test_that_no_schedule_means_are_not_passed_on(self, start: Start, runtime: str) -> None:
        now = datetime.now(UTC)
        other = (now.hour + 12) % 24  # no local hour of Berlin within an hour or two of now
        trigger = {"function": "nightly", **describe_schedule(f"0 {other} * * *", "Europe/Berlin")}
        async with start("azure", runtime, SEMANTEST_TRIGGERS=json.dumps([trigger])) as process:
            invocation = await process.invoke(build_timer_event("nightly", now.replace(minute=0, second=0)))

        assert invocation.error is None
        assert '"seen"' not in invocation.output
