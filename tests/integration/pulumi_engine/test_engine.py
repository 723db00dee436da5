"""The engine with the real CLI and a simulated cloud: what it plans is what happens, and nothing is left behind."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from semantest_iac.application.deployment.completion_events import apply_plan
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.errors import ProviderError, RefusedError, StackBusyError
from semantest_iac.domain.ports.provisioner import ResourceProgress
from semantest_iac.infrastructure.simulated_cloud.runtime.cloud import SimulatedCloud
from semantest_iac.infrastructure.simulated_cloud.schema.refusals import CloudRefusal
from semantest_iac_events.values import ChangeCounts
from tests.integration.pulumi_engine.house import SECRET, STACK, House, unwatched

OTHER = Stack("rest-api", "aws", "qa", "eu-west-1")


def configured(**section: Any) -> dict[str, Any]:
    """A configuration with one section."""
    return {"components": {"rest-api": section}}


class TestPreview:
    async def test_plans_every_resource_of_a_new_stack(self, house: House) -> None:
        plan = await house.engine.preview(house.work())

        assert plan.changes == ChangeCounts(create=19)
        assert plan.verdict == "safe"
        assert house.living() == []

    async def test_names_the_properties_that_cause_an_update(self, house: House) -> None:
        await house.deploy(house.work())

        plan = await house.engine.preview(house.work(configured(memory=1024)))

        causes = {change.name: (change.op, change.why) for change in plan.mutations}
        assert causes["function"] == ("update", ("memorySize",))

    async def test_of_a_removal_names_what_is_lost_for_good(self, house: House) -> None:
        await house.deploy(house.work())

        plan = await house.engine.preview_destroy(STACK)

        assert plan.changes == ChangeCounts(delete=19)
        assert plan.verdict == "irreversible"

    async def test_of_the_removal_of_nothing_is_empty(self, house: House) -> None:
        assert (await house.engine.preview_destroy(OTHER)).resources == ()


class TestApply:
    async def test_makes_everything_and_publishes_in_order(self, house: House) -> None:
        applied = await house.deploy(house.work())

        names = [type(event).__name__ for event in house.events]
        assert applied.changes == ChangeCounts(create=19)
        assert names == ["FunctionDeployed", "HttpApiDeployed", "InfrastructureUpdated"]
        assert str(applied.outputs["endpoint"]).startswith("https://")

    async def test_changes_nothing_the_second_time(self, house: House) -> None:
        await house.deploy(house.work())
        house.events.clear()

        plan = await house.engine.preview(house.work())
        applied = await apply_plan(house.engine, house.work(), plan, house, unwatched)

        assert plan.verdict == "no_change"
        assert applied.changes == ChangeCounts(same=19)
        assert [type(event).__name__ for event in house.events] == ["InfrastructureUpdated"]

    async def test_shows_the_beginning_and_end_of_each_operation(self, house: House) -> None:
        ticks: list[ResourceProgress] = []

        await house.deploy(house.work(), ticks.append)

        ends = [tick for tick in ticks if tick.state == "done"]
        assert (len(ticks), len(ends)) == (38, 19)

    async def test_refuses_a_plan_that_is_no_longer_true(self, house: House) -> None:
        plan = await house.engine.preview(house.work())
        fewer = house.work({"monitoring": {"enabled": False}})

        with pytest.raises(RefusedError, match="something else than was planned"):
            await apply_plan(house.engine, fewer, plan, house, unwatched)

        assert house.living() == []

    async def test_trusts_a_plan_of_another_process_that_still_holds(self, house: House) -> None:
        plan = await house.engine.preview(house.work())
        house.engine._previewed.clear()

        applied = await apply_plan(house.engine, house.work(), plan, house, unwatched)

        assert applied.changes == ChangeCounts(create=19)

    async def test_ends_with_the_publisher_that_cannot_record(self, house: House) -> None:
        class Refusing:
            async def publish(self, _event: object) -> None:
                raise StackBusyError("the lease is lost")

        plan = await house.engine.preview(house.work())

        with pytest.raises(StackBusyError, match="the lease is lost"):
            await apply_plan(house.engine, house.work(), plan, Refusing(), unwatched)

        assert list(house.left()) == []

    async def test_keeps_stacks_apart(self, house: House) -> None:
        first, second = await asyncio.gather(
            house.deploy(house.work()), house.deploy(house.work(stack=OTHER))
        )  # fmt: skip

        assert first.changes == second.changes == ChangeCounts(create=19)
        assert first.outputs["function_name"] != second.outputs["function_name"]


class TestRefusal:
    async def test_names_the_resource_and_the_clouds_own_code(self, tmp_path: Path, variables: dict[str, str]) -> None:
        house = House(tmp_path / "home", variables, lambda package, region: _Refusing(house.cloud(package, region)))

        with pytest.raises(ProviderError, match=r"Cannot deploy 'function' .*: Function already exists\.") as caught:
            await house.deploy(house.work())

        assert caught.value.error_code == "ResourceConflictException"
        assert "Another stack or person" in caught.value.hint

    async def test_leaves_a_state_from_which_the_next_run_goes_on(
        self, tmp_path: Path, variables: dict[str, str]
    ) -> None:
        refusing = [True]
        house = House(tmp_path / "home", variables, lambda package, region: (
            _Refusing(house.cloud(package, region)) if refusing.pop() else house.cloud(package, region)
        ))  # fmt: skip
        refusing[:] = [False, True, False]  # one connection per preview and update
        with pytest.raises(ProviderError):
            await house.deploy(house.work())
        made = len(house.living())
        refusing[:] = [False] * 9

        applied = await house.deploy(house.work())

        assert made > 0
        assert applied.changes == ChangeCounts(create=19 - made, same=made)


class TestRemove:
    async def test_leaves_nothing(self, house: House) -> None:
        await house.deploy(house.work())

        changes = await house.destroy()

        assert changes == ChangeCounts(delete=19)
        assert (house.living(), list(house.left())) == ([], [])

    async def test_of_nothing_is_no_error(self, house: House) -> None:
        assert await house.destroy(OTHER) == ChangeCounts()


class TestDetectDrift:
    async def test_finds_what_was_deleted_behind_our_back(self, house: House) -> None:
        await house.deploy(house.work())
        topic, id_ = next(it for it in house.living() if it[0].endswith(":Topic"))
        house.cloud("aws", STACK.region).delete(topic, id_)

        drift = await house.engine.detect_drift(STACK)

        assert [(change.name, change.op) for change in drift.mutations] == [("alerts", "delete")]


class TestSecrets:
    async def test_are_nowhere_in_the_clear(self, house: House) -> None:
        seen: list[str] = []
        work = house.work(configured(environment={"TOKEN": "${secrets.token}"}))

        await house.deploy(work, lambda _tick: seen.extend(_processes()))
        exported = await house.engine.export(STACK)

        files = [path for path in house.site.folder.rglob("*") if path.is_file()]
        told = [str(event.model_dump()) for event in house.events]
        assert [path for path in files if SECRET.encode() in path.read_bytes()] == []
        assert [text for text in [*seen, *told, str(exported)] if SECRET in text] == []
        assert any("ciphertext" in path.read_text(errors="replace") for path in files)

    async def test_are_revealed_to_who_asks_and_to_no_file(self, house: House) -> None:
        await house.deploy(house.work(configured(environment={"TOKEN": "${secrets.token}"})))

        revealed = await house.engine.revealed(STACK)

        kept = next(it for it in revealed.resources if it["type"].endswith(":SecretVersion"))
        files = [path for path in house.site.folder.rglob("*") if path.is_file()]
        assert kept["inputs"]["secretString"] == SECRET
        assert [path for path in files if SECRET.encode() in path.read_bytes()] == []

    async def test_are_opened_with_the_passphrase_alone(self, house: House) -> None:
        await house.deploy(house.work(configured(environment={"TOKEN": "${secrets.token}"})))
        house.site.passphrase_file.write_text("another", encoding="utf-8")

        with pytest.raises(Exception, match="passphrase") as caught:
            await house.engine.preview(house.work())

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


class _Refusing:
    """A cloud that has the function's name taken."""

    def __init__(self, cloud: SimulatedCloud) -> None:
        self._cloud = cloud

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cloud, name)

    def create(self, type_: str, inputs: Any, *, owner: str) -> Any:
        """Refuse the function."""
        if type_ == "aws:lambda/function:Function":
            raise CloudRefusal("ResourceConflictException", "Function already exists.", status=409)
        return self._cloud.create(type_, inputs, owner=owner)
