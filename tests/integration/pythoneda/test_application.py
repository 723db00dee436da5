"""The PythonEDA application of this package and the example, in the sandbox, under PythonEDA's rules of dispatch."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest

from semantest_iac.bootstrap.application import Application
from tests.fakes import pythoneda_modules as iac
from tests.fakes.pythoneda_modules import fake_pythoneda

_EXAMPLE = Path(__file__).parents[3] / "docs" / "examples" / "pythoneda_application.py"
STACK = "rest-api.aws.development.us-east-1"
UPDATE = ("update", "--stack", "aws-dev", "--location", "us-east-1", "--metadata", "component=rest-api")
_SUBSCRIPTION = """
subscriptions:
  image: {event: DockerResourcesUpdateRequested, match: {metadata.image: api}, action: deploy, component: rest-api}
"""
CANARY = "hunter2-canary"


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SEMANTEST_HOME", str(home))


@contextmanager
def application_of(*arguments: str) -> Iterator[Any]:
    """Return the class of the application, for a command line."""
    with fake_pythoneda(*arguments):
        yield import_module("semantest_iac.pythoneda.application").InfrastructureApplication


async def run(*arguments: str) -> int:
    """Run the application and return its exit code."""
    with application_of(*arguments) as application_class:
        application = await application_class.main("app")
        await _close()
        return int(application.exit_code)


async def _wait_for_listening(application_class: Any) -> None:
    while not application_class.is_listening():  # noqa: ASYNC110  # PythonEDA's interface has no event for it
        await asyncio.sleep(0.01)


async def _close() -> None:
    """End what works beside the application, as the end of its event loop does."""
    working = [task for task in asyncio.all_tasks() if task.get_name() == "semantest-iac"]
    for task in working:
        task.cancel()
    await asyncio.gather(*working, return_exceptions=True)


def states(home: Path) -> list[tuple[str, str, str]]:
    return [(row.stack, row.kind, str(row.state)) for row in Application(home).ledger.deployments()]


def _list_files_with(folder: Path, text: str) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and text.encode() in path.read_bytes()]


class TestCommands:
    async def test_update_and_remove_a_stack(self, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert await run(*UPDATE) == 0
        updated = capsys.readouterr().out.splitlines()
        assert await run("remove", "-s", "rest-api.aws.dev.us-east-1") == 0

        assert updated[0] == "InfrastructureUpdated aws-dev"
        assert f"  stack: {STACK}" in updated
        assert sum(line.startswith("Infrastructure") for line in updated) == 1
        assert states(home) == [(STACK, "destroy", "completed"), (STACK, "deploy", "completed")]

    async def test_update_stacks_of_the_other_cloud_by_its_location(
        self, home: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert await run("update", "-s", "dev", "-l", "West Europe", "-m", "component=websocket") == 0

        assert "  endpoint: wss://" in capsys.readouterr().out
        assert states(home) == [("websocket.azure.development.westeurope", "deploy", "completed")]

    async def test_take_what_the_configuration_says(self, tmp_path: Path, home: Path) -> None:
        (tmp_path / "semantest.yaml").write_text("components: {users: {type: rest-api}}\n", encoding="utf-8")

        assert await run("update", "-s", "dev", "-p", "shop") == 0

        assert states(home) == [("shop.users.aws.development.us-east-1", "deploy", "completed")]

    async def test_that_cannot_be_carried_out_say_why(self, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert await run("update", "-s", "moon", "-l", "us-east-1", "-m", "component=rest-api") == 1

        printed = capsys.readouterr().out
        assert printed.startswith("InfrastructureUpdateFailed moon\n  state: rejected\n")
        assert "unknown environment 'moon'" in printed
        assert states(home) == []

    async def test_that_are_refused_after_acceptance_are_in_the_ledger(
        self, home: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        code = await run(*UPDATE, "-m", 'configuration={"components": {"rest-api": {"source": "/etc"}}}')

        assert code == 1
        assert "cannot be set by an event" in capsys.readouterr().out
        assert states(home) == [(STACK, "deploy", "rejected")]

    async def test_may_bring_settings(self, home: Path) -> None:
        settings = json.dumps({"components": {"rest-api": {"memory": 1024}}})

        assert await run(*UPDATE, "-m", f"configuration={settings}") == 0

        [request] = [row for row in Application(home).ledger.log() if row.type == "infrastructure.deployment.requested"]
        assert request.event["data"]["configuration"]["components"]["rest-api"]["memory"] == 1024

    @pytest.mark.parametrize("arguments", [(), ("update",), ("update", "-s", "dev", "-m", "novalue")])
    async def test_that_are_wrong_are_refused(
        self, arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
    ) -> None:
        with pytest.raises(SystemExit) as ended:
            await run(*arguments)
        await _close()

        assert (ended.value.code, capsys.readouterr().out) == (2, "")

    async def test_listen_until_they_are_stopped(self, home: Path) -> None:
        with application_of("listen") as application_class:
            listening = asyncio.create_task(application_class.main("app"))
            await _wait_for_listening(application_class)
            listening.cancel()
            await asyncio.wait([listening])
            await _close()

        assert listening.cancelled()


class TestRequests:
    async def test_delivered_twice_are_carried_out_once(self, home: Path) -> None:
        with application_of("listen") as application_class:
            listening = asyncio.create_task(application_class.main("app"))
            await _wait_for_listening(application_class)
            [application] = import_module("tests.fakes.pythoneda_framework").EventEmitter.receivers
            request = iac.InfrastructureUpdateRequested("aws-dev", "", "us-east-1", {"component": "rest-api"})
            first, _ = await asyncio.gather(application.accept(request), application.emit(request))
            again = await application.accept(request)
            listening.cancel()
            await asyncio.wait([listening])
            await _close()

        assert {answer.id for answer in (*first, *again)} == {again[0].id}
        assert states(home) == [(STACK, "deploy", "completed")]

    async def test_leave_no_metadata_behind(self, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
        await run(*UPDATE, "-m", f"password={CANARY}")

        assert _list_files_with(home, CANARY) == []
        assert _list_files_with(home, "aws-dev") != []
        assert CANARY not in capsys.readouterr().out


class TestSubscriptions:
    async def test_look_at_every_event_that_is_emitted(self, tmp_path: Path, home: Path) -> None:
        (tmp_path / "semantest.yaml").write_text(_SUBSCRIPTION, encoding="utf-8")
        with application_of("listen") as application_class:
            listening = asyncio.create_task(application_class.main("app"))
            await _wait_for_listening(application_class)
            [application] = import_module("tests.fakes.pythoneda_framework").EventEmitter.receivers
            event = iac.DockerResourcesUpdateRequested("images", "p", "here", {"image": "api"})
            for _ in range(2):
                await application.emit(event)
            await application.emit(iac.DockerResourcesUpdateRequested("images", "p", "here", {"image": "other"}))
            listening.cancel()
            await asyncio.wait([listening])
            await _close()

        [(stack, kind, _)] = states(home)
        assert (stack, kind) == (STACK, "deploy")


class TestExample:
    async def test_does_what_it_says(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        with fake_pythoneda("demo"):
            spec = spec_from_file_location("pythoneda_example", _EXAMPLE)
            assert spec is not None and spec.loader is not None
            module = sys.modules["pythoneda_example"] = module_from_spec(spec)
            spec.loader.exec_module(module)
            await module.Demo.main("demo.Demo")
            await _close()

        printed = capsys.readouterr().out.splitlines()
        assert sorted(line.partition(" ")[0] for line in printed) == [
            "InfrastructureRemoved",
            "completed",
            "failed",
            "updated",
        ]
        assert states(tmp_path / ".semantest") == [
            (f"demo.{STACK}", "destroy", "completed"),
            (f"demo.{STACK}", "deploy", "completed"),
        ]

    def test_is_short(self) -> None:
        code = [line for line in _EXAMPLE.read_text(encoding="utf-8").splitlines() if line.strip()]

        assert len(code) <= 55
