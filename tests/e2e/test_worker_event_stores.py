"""A worker receives from Semantest's WebSocket server and from files and tells both how it ended; all are killed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Workspace
from tests.fakes.event_store_server import FakeEventStoreServer

_TIMEOUT_S = 90.0
_NEEDED, _COMPLETED = "ServiceDeploymentNeeded", "infrastructure.deployment.completed"
_CONFIGURATION = """\
components: {{rest-api: {{}}}}
event_sources:
  core: {{type: websocket, url: "{url}"}}
  log: {{type: files, folder: incoming}}
event_targets:
  core: {{type: websocket, url: "{url}"}}
  published: {{type: files, folder: published}}
"""


@pytest.fixture
async def server() -> AsyncIterator[FakeEventStoreServer]:
    running = FakeEventStoreServer()
    await running.start()
    yield running
    await running.stop()


def _payload(memory: int) -> dict[str, Any]:
    return {"serviceType": "rest-api", "environment": "development", "serviceConfig": {"memory": memory}}


def _append(folder: Path, correlation_id: str, memory: int) -> None:
    folder.mkdir(exist_ok=True)
    event = {"eventId": "e1", "eventType": _NEEDED, "aggregateId": "rest-api", "correlationId": correlation_id}
    with (folder / "events_2026-11-30.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps({**event, "payload": _payload(memory)}) + "\n")


def _completed_at_server(server: FakeEventStoreServer) -> set[str]:
    return {event["metadata"]["correlationId"] for event in server.log if event["eventType"] == _COMPLETED}


def _completed_in_files(folder: Path) -> set[str]:
    lines = [line for path in folder.glob("*.jsonl") for line in path.read_text(encoding="utf-8").splitlines()]
    events = [json.loads(line) for line in lines]
    return {event["correlationid"] for event in events if event["type"] == _COMPLETED}


async def _wait_for_ends(server: FakeEventStoreServer, workspace: Workspace, ids: Iterable[str]) -> None:
    wanted, folder = set(ids), workspace.folder / "published"
    async with asyncio.timeout(_TIMEOUT_S):
        while not (wanted <= _completed_at_server(server) and wanted <= _completed_in_files(folder)):  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def test_what_is_killed_in_between_loses_and_doubles_nothing(
    server: FakeEventStoreServer, tmp_path: Path
) -> None:
    workspace = Workspace(tmp_path)
    (tmp_path / "semantest.yaml").write_text(_CONFIGURATION.format(url=server.url))
    await server.store(_NEEDED, _payload(256), correlation_id="c-1", aggregate_id="rest-api")
    with workspace.start("worker") as worker:
        await _wait_for_ends(server, workspace, ["c-1"])
        await server.stop()
        await server.store(_NEEDED, _payload(320), correlation_id="c-2", aggregate_id="rest-api")
        await server.start()
        await _wait_for_ends(server, workspace, ["c-1", "c-2"])
        worker.kill()
        worker.wait()
    await server.store(_NEEDED, _payload(384), correlation_id="c-3", aggregate_id="rest-api")
    with workspace.start("worker") as worker:
        await _wait_for_ends(server, workspace, ["c-1", "c-2", "c-3"])
        _append(tmp_path / "incoming", "c-4", 448)
        _append(tmp_path / "incoming", "c-4", 448)
        await _wait_for_ends(server, workspace, ["c-1", "c-2", "c-3", "c-4"])
        worker.terminate()
        await asyncio.to_thread(worker.communicate)

    history = json.loads((await asyncio.to_thread(workspace.run, "history", "--json")).out)
    assert [(it["state"], it["changes"]["create"] > 0) for it in history] == [
        ("completed", False),
        ("completed", False),
        ("completed", False),
        ("completed", True),
    ]
    assert worker.returncode == 0
