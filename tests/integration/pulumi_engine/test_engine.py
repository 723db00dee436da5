"""The engine with the real CLI and a simulated cloud: it applies what it plans and leaves nothing behind."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from semantest_iac.application.deployment.completion_events import apply_plan
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.errors import ProviderError, StackBusyError
from semantest_iac.infrastructure.pulumi_engine.cli.location import find_pulumi_cli
from semantest_iac.infrastructure.pulumi_engine.state.backend_settings import PULUMI_PROJECT
from semantest_iac.infrastructure.pulumi_engine.state.states import state_path, write_empty_state
from semantest_iac.infrastructure.simulated_cloud.runtime.cloud import SimulatedCloud
from semantest_iac.infrastructure.simulated_cloud.schema.refusals import CloudRefusal
from semantest_iac_events.values import ChangeCounts
from tests.integration.pulumi_engine.engine_home import SECRET, STACK, EngineHome, ignore_progress


def configured(**section: Any) -> dict[str, Any]:
    return {"components": {"rest-api": section}}


class TestApply:
    async def test_applies_a_plan_of_another_process_that_is_still_valid(self, engine_home: EngineHome) -> None:
        plan = await engine_home.engine.preview(engine_home.work())
        engine_home.engine._previews.clear()

        applied = await apply_plan(engine_home.engine, engine_home.work(), plan, engine_home, ignore_progress)

        assert applied.changes == ChangeCounts(create=19)

    async def test_fails_when_an_event_cannot_be_recorded(self, engine_home: EngineHome) -> None:
        class Refusing:
            async def publish(self, _event: object) -> None:
                raise StackBusyError("the lease is lost")

        plan = await engine_home.engine.preview(engine_home.work())

        with pytest.raises(StackBusyError, match="the lease is lost"):
            await apply_plan(engine_home.engine, engine_home.work(), plan, Refusing(), ignore_progress)

        assert list(engine_home.leftover_runs()) == []


class TestNewStack:
    async def test_is_created_without_the_cli_as_the_cli_would(self, tmp_path: Path, variables: dict[str, str]) -> None:
        engine_home = EngineHome(tmp_path / "home", variables)
        names = ("us-east-1", "eu-west-1", "eu-central-1")
        first, second, third = (replace(STACK, region=region) for region in names)
        await engine_home.engine.preview(engine_home.work(stack=first))
        await engine_home.engine.preview(engine_home.work(stack=second))

        _init_with_cli(engine_home, third, variables)

        made, expected = (_read_checkpoint(engine_home, stack) for stack in (second, third))
        assert made == expected
        assert not list((engine_home.settings.folder / "state").rglob(f"{second}.json.bak"))

    async def test_of_a_lost_state_is_not_created_anew(self, engine_home: EngineHome) -> None:
        await engine_home.engine.preview(engine_home.work(stack=replace(STACK, region="eu-west-1")))
        await engine_home.deploy(engine_home.work())
        backend = engine_home.settings.file_backend
        assert backend is not None

        assert not write_empty_state(backend, str(STACK), "salt", "3.250.0")


class TestRefusal:
    async def test_names_the_resource_and_the_clouds_own_code_and_lets_the_next_run_continue(
        self, tmp_path: Path, variables: dict[str, str]
    ) -> None:
        refusing = [False, True]  # one connection per preview and update
        engine_home = EngineHome(tmp_path / "home", variables, lambda package, region: (
            _Refusing(engine_home.cloud(package, region)) if refusing and refusing.pop(0)
            else engine_home.cloud(package, region)
        ))  # fmt: skip
        with pytest.raises(ProviderError, match=r"Cannot deploy 'function' .*: Function already exists\.") as caught:
            await engine_home.deploy(engine_home.work())
        made = len(engine_home.live_resources())

        applied = await engine_home.deploy(engine_home.work())

        assert caught.value.error_code == "ResourceConflictException"
        assert "Another stack or person" in caught.value.hint
        assert made > 0
        assert applied.changes == ChangeCounts(create=19 - made, same=made)


class TestSecrets:
    async def test_are_nowhere_in_plain_text_but_revealed_on_request_with_their_passphrase(
        self, engine_home: EngineHome
    ) -> None:
        seen: list[str] = []
        work = engine_home.work(configured(environment={"TOKEN": "${secrets.token}"}))

        await engine_home.deploy(work, lambda _progress: seen.extend(_processes()))
        exported = await engine_home.engine.export(STACK)
        revealed = await engine_home.engine.read_state_with_secrets(STACK)

        secret = next(it for it in revealed.resources if it["type"].endswith(":SecretVersion"))
        assert secret["inputs"]["secretString"] == SECRET
        files = [path for path in engine_home.settings.folder.rglob("*") if path.is_file()]
        events = [str(event.model_dump()) for event in engine_home.events]
        assert [path for path in files if SECRET.encode() in path.read_bytes()] == []
        assert [text for text in [*seen, *events, str(exported)] if SECRET in text] == []
        assert any("ciphertext" in path.read_text(errors="replace") for path in files)

        engine_home.settings.ensure_passphrase_file().write_text("another", encoding="utf-8")
        with pytest.raises(Exception, match="passphrase") as caught:
            await engine_home.engine.preview(engine_home.work())
        assert getattr(caught.value, "error_code", "") == "STATE_SEALED"


def _processes() -> list[str]:
    """Command lines and environments of everything that runs here."""
    texts = []
    for entry in Path("/proc").glob("[0-9]*"):
        for name in ("cmdline", "environ"):
            try:
                texts.append((entry / name).read_text(errors="replace"))
            except OSError:
                continue
    return texts


def _init_with_cli(engine_home: EngineHome, stack: Stack, variables: dict[str, str]) -> None:
    """Create a stack as the CLI does, with the salt of the others."""
    folder = engine_home.folder / "by-hand"
    folder.mkdir()
    (folder / "Pulumi.yaml").write_text(f"name: {PULUMI_PROJECT}\nruntime: python\n")
    salt = engine_home.settings.salt_file.read_text()
    (folder / f"Pulumi.{stack}.yaml").write_text(f"encryptionsalt: {salt}\n")
    command = [str(find_pulumi_cli(variables).path), "--non-interactive", "stack", "init", str(stack)]
    settings = {**variables, **engine_home.settings.variables, "PULUMI_HOME": str(folder / "home")}
    subprocess.run(command, cwd=folder, env=settings, check=True, capture_output=True)


def _read_checkpoint(engine_home: EngineHome, stack: Stack) -> Any:
    """The stored state without its time, with the same name for every stack."""
    backend = engine_home.settings.file_backend
    assert backend is not None
    stored = json.loads(state_path(backend, str(stack)).read_text().replace(str(stack), "the stack"))
    assert datetime.fromisoformat(stored["checkpoint"]["latest"]["manifest"].pop("time")).tzinfo is not None
    return stored


class _Refusing:
    """A cloud in which the function's name is taken."""

    def __init__(self, cloud: SimulatedCloud) -> None:
        self._cloud = cloud

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cloud, name)

    def create(self, type_: str, inputs: Any, *, owner: str) -> Any:
        if type_ == "aws:lambda/function:Function":
            raise CloudRefusal("ResourceConflictException", "Function already exists.", status=409)
        return self._cloud.create(type_, inputs, owner=owner)
