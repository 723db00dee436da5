"""The real CLI against simulated AWS."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from semantest_iac.infrastructure.simulated_cloud.runtime.faults import FaultEffect, FaultScript, ScriptedFault

if TYPE_CHECKING:
    from tests.integration.simulated_provider.conftest import StackLab

_ROLE = "aws:iam/role:Role"
_ROLE_INPUTS = {
    "name": "role",
    "assumeRolePolicy": json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
            ],
        }
    ),
}
_CANARY = "canary-in-the-clear"


@pytest.fixture
def service(lab: StackLab) -> dict[str, Any]:
    """Arguments of the program that makes a function."""
    return {"folder": str(lab.folder / "app")}


def _faulty(effect: FaultEffect, **where: Any) -> FaultScript:
    return FaultScript((ScriptedFault(effect, **where),))


class TestCreate:
    async def test_creates_the_resources_of_the_program(self, lab: StackLab, service: dict[str, Any]) -> None:
        run = await lab.up("service", **service)

        assert run.steps == [["create", "role"], ["create", "function"], ["create", "permission"]]
        assert [id_.rpartition("-")[0] for id_ in lab.live_ids] == ["function", "permission", "role"]

    async def test_uses_the_region_of_each_provider(self, lab: StackLab) -> None:
        run = await lab.up("topics", count=1, regions=["eu-west-1", "ap-south-1"])

        assert run.error == ""
        assert {id_.split(":")[3] for id_ in lab.live_ids} == {"eu-west-1", "ap-south-1", "us-east-1"}
        assert lab.outputs == {"eu-west-1": "eu-west-1", "ap-south-1": "ap-south-1"}

    async def test_creates_many_resources_at_once(self, lab: StackLab) -> None:
        run = await lab.up("topics", count=40)

        assert (run.changes["create"], len(lab.live_ids)) == (41, 40)  # and the stack itself


class TestNoChange:
    async def test_gives_only_same_steps(self, lab: StackLab, service: dict[str, Any]) -> None:
        await lab.up("service", **service)
        before = lab.live_ids

        preview, up = await lab.preview("service", **service), await lab.up("service", **service)

        assert (preview.changes, up.changes, lab.live_ids) == ({"same": 4}, {"same": 4}, before)


class TestUpdate:
    async def test_is_in_place_and_leaves_dependents_alone(self, lab: StackLab, service: dict[str, Any]) -> None:
        await lab.up("service", **service)
        before = lab.live_ids

        preview, up = [await command("service", **service, memory=256) for command in (lab.preview, lab.up)]

        assert (preview.steps, up.steps, lab.live_ids) == ([["update", "function"]], [["update", "function"]], before)


class TestReplacement:
    async def test_creates_first_if_the_name_is_automatic(self, lab: StackLab) -> None:
        await lab.up("role", path="/before/")

        run = await lab.up("role", path="/after/")

        assert [op for op, _ in run.steps] == ["create-replacement", "replace", "delete-replaced"]
        assert (len(lab.live_ids), run.changes["replace"]) == (1, 1)

    async def test_deletes_first_if_the_name_is_given(self, lab: StackLab) -> None:
        await lab.up("role", path="/before/", name="fixed")

        run = await lab.up("role", path="/after/", name="fixed")

        assert [op for op, _ in run.steps] == ["delete-replaced", "replace", "create-replacement"]
        assert lab.live_ids == ["fixed"]


class TestDelete:
    async def test_follows_when_a_program_drops_a_resource(self, lab: StackLab) -> None:
        await lab.up("role")

        run = await lab.up("nothing")

        assert (run.steps, lab.live_ids) == ([["delete", "role"]], [])

    async def test_of_everything_deletes_dependents_first(self, lab: StackLab, service: dict[str, Any]) -> None:
        await lab.up("service", **service)

        run = await lab.destroy()

        assert run.steps == [["delete", "permission"], ["delete", "function"], ["delete", "role"]]
        assert lab.live_ids == []

    async def test_is_refused_for_a_protected_resource(self, lab: StackLab) -> None:
        await lab.up("role", opts={"protect": True})

        run = await lab.up("nothing")

        assert "is protected" in run.error
        assert len(lab.live_ids) == 1


class TestRefresh:
    async def test_finds_nothing_without_drift(self, lab: StackLab, service: dict[str, Any]) -> None:
        await lab.up("service", **service, secret=_CANARY)

        refresh, preview = await lab.refresh(), await lab.preview("service", **service, secret=_CANARY)

        assert (refresh.changes, preview.changes) == ({"same": 4}, {"same": 4})

    async def test_finds_drift_that_the_next_up_repairs(self, lab: StackLab) -> None:
        await lab.up("role", name="role", description="as ordered")
        lab.cloud().update(_ROLE, "role", {**_ROLE_INPUTS, "tags": {"by": "hand"}})

        refresh, up = await lab.refresh(), await lab.up("role", name="role", description="as ordered")

        repaired = lab.cloud().read(_ROLE, "role") or {}
        assert (refresh.changes["update"], up.steps) == (1, [["update", "role"]])
        assert (repaired["description"], repaired.get("tags")) == ("as ordered", None)

    async def test_leaves_ignored_drift(self, lab: StackLab) -> None:
        program: dict[str, Any] = {"name": "role", "tags": {"by": "us"}, "opts": {"ignore_changes": ["tags"]}}
        await lab.up("role", **program)
        lab.cloud().update(_ROLE, "role", {**_ROLE_INPUTS, "tags": {"by": "hand"}})

        await lab.refresh()
        run = await lab.preview("role", **program)

        assert run.changes == {"same": 2}

    async def test_removes_a_missing_resource_from_the_state(self, lab: StackLab) -> None:
        await lab.up("role", name="role")
        lab.cloud().delete(_ROLE, "role")

        refresh, up = await lab.refresh(), await lab.up("role", name="role")

        assert (refresh.changes["delete"], up.steps, lab.live_ids) == (1, [["create", "role"]], ["role"])


class TestRefusal:
    async def test_has_the_clouds_own_message(self, lab: StackLab) -> None:
        lab.cloud().create(_ROLE, _ROLE_INPUTS, owner="somebody")

        run = await lab.up("role", name="role")

        assert "StatusCode: 409, EntityAlreadyExists: Role with name role already exists." in run.error
        assert _ROLE not in lab.state

    async def test_keeps_resources_that_were_created_before(self, lab: StackLab, service: dict[str, Any]) -> None:
        lab.faults = _faulty(FaultEffect.THROTTLE, type="aws:lambda/function:Function", call=1)
        failed = await lab.up("service", **service)

        again = await lab.up("service", **service)

        assert "StatusCode: 429, TooManyRequestsException: Rate exceeded" in failed.error
        assert again.steps == [["create", "function"], ["create", "permission"]]

    async def test_of_invalid_inputs_names_the_property(self, lab: StackLab) -> None:
        run = await lab.preview("role", name="not a name")

        assert "aws:iam/role:Role resource 'role' has a problem: name: must match" in run.error
        assert lab.live_ids == []

    async def test_covers_types_without_rules(self, lab: StackLab) -> None:
        run = await lab.preview("workgroup")

        assert "The simulated cloud has no rules for aws:athena/workgroup:Workgroup." in run.error

    async def test_after_an_incomplete_create_is_repaired_by_the_next_up(self, lab: StackLab) -> None:
        lab.faults = _faulty(FaultEffect.PARTIAL, call=1)
        failed = await lab.up("role", name="role")

        again = await lab.up("role", name="role")

        assert "could not be completed" in failed.error
        assert (again.steps, again.error, lab.live_ids) == ([["update", "role"]], "", ["role"])

    async def test_with_an_unknown_outcome_is_reported(self, lab: StackLab) -> None:
        lab.faults = _faulty(FaultEffect.CREATED_BUT_TIMEOUT, call=1)
        failed = await lab.up("role", name="role")

        again = await lab.up("role", name="role")

        assert "StatusCode: 504, RequestTimeout" in failed.error
        assert "StatusCode: 409, EntityAlreadyExists" in again.error


class TestSecrets:
    async def test_are_not_in_the_state(self, lab: StackLab, service: dict[str, Any]) -> None:
        await lab.up("service", **service, secret=_CANARY)

        assert "ciphertext" in lab.outputs["environment"]
        assert lab.state.count('"PLAIN":"plain","TOKEN":{') == 2  # of the function's inputs, and of its outputs
        assert _CANARY not in lab.state

    async def test_are_not_in_error_messages(self, lab: StackLab) -> None:
        run = await lab.up("secret_name", name=f"not a name: {_CANARY}")

        assert "has a problem: name: must match" in run.error
        assert _CANARY not in run.error

    async def test_that_changed_are_updated(self, lab: StackLab, service: dict[str, Any]) -> None:
        await lab.up("service", **service, secret="another")

        run = await lab.up("service", **service, secret=_CANARY)

        assert run.steps == [["update", "function"]]
        assert _CANARY not in lab.state


class TestRead:
    async def test_gets_a_resource_of_another_owner(self, lab: StackLab) -> None:
        created = lab.cloud().create(_ROLE, _ROLE_INPUTS, owner="somebody")

        await lab.up("read_role", name="role")
        read = lab.outputs
        await lab.destroy()

        assert (read, lab.live_ids) == ({"arn": created.outputs["arn"]}, ["role"])

    async def test_imports_a_resource_of_another_owner(self, lab: StackLab) -> None:
        lab.cloud().create(_ROLE, _ROLE_INPUTS, owner="somebody")

        run = await lab.up("role", name="role", opts={"import_": "role"})
        again = await lab.preview("role", name="role")

        assert (run.steps, again.changes) == ([["import", "role"]], {"same": 2})

    async def test_fails_for_a_missing_resource(self, lab: StackLab) -> None:
        run = await lab.up("read_role", name="nobody")

        assert "does not exist" in run.error
