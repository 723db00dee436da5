"""The real CLI against simulated AWS."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from semantest_iac.infrastructure.simulated_cloud.runtime.faults import FaultEffect, FaultScript, ScriptedFault

if TYPE_CHECKING:
    from tests.integration.simulated_provider.conftest import Lab

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
def service(lab: Lab) -> dict[str, Any]:
    """Arguments of the program that makes a function."""
    return {"folder": str(lab.folder / "app")}


def _faulty(effect: FaultEffect, **where: Any) -> FaultScript:
    return FaultScript((ScriptedFault(effect, **where),))


class TestCreate:
    async def test_makes_what_the_program_asks_for(self, lab: Lab, service: dict[str, Any]) -> None:
        run = await lab.up("service", **service)

        assert run.steps == [["create", "role"], ["create", "function"], ["create", "permission"]]
        assert [id_.rpartition("-")[0] for id_ in lab.live] == ["function", "permission", "role"]

    async def test_takes_the_region_of_each_provider(self, lab: Lab) -> None:
        run = await lab.up("topics", count=1, regions=["eu-west-1", "ap-south-1"])

        assert run.error == ""
        assert {id_.split(":")[3] for id_ in lab.live} == {"eu-west-1", "ap-south-1", "us-east-1"}
        assert lab.outputs == {"eu-west-1": "eu-west-1", "ap-south-1": "ap-south-1"}

    async def test_copes_with_many_at_once(self, lab: Lab) -> None:
        run = await lab.up("topics", count=40)

        assert (run.changes["create"], len(lab.live)) == (41, 40)  # and the stack itself


class TestNoChange:
    async def test_is_seen_as_none(self, lab: Lab, service: dict[str, Any]) -> None:
        await lab.up("service", **service)
        before = lab.live

        preview, up = await lab.preview("service", **service), await lab.up("service", **service)

        assert (preview.changes, up.changes, lab.live) == ({"same": 4}, {"same": 4}, before)


class TestUpdate:
    async def test_is_in_place_and_reaches_no_dependent(self, lab: Lab, service: dict[str, Any]) -> None:
        await lab.up("service", **service)
        before = lab.live

        preview, up = [await command("service", **service, memory=256) for command in (lab.preview, lab.up)]

        assert (preview.steps, up.steps, lab.live) == ([["update", "function"]], [["update", "function"]], before)


class TestReplacement:
    async def test_comes_first_when_the_name_is_automatic(self, lab: Lab) -> None:
        await lab.up("role", path="/before/")

        run = await lab.up("role", path="/after/")

        assert [op for op, _ in run.steps] == ["create-replacement", "replace", "delete-replaced"]
        assert (len(lab.live), run.changes["replace"]) == (1, 1)

    async def test_comes_last_when_the_name_is_given(self, lab: Lab) -> None:
        await lab.up("role", path="/before/", name="fixed")

        run = await lab.up("role", path="/after/", name="fixed")

        assert [op for op, _ in run.steps] == ["delete-replaced", "replace", "create-replacement"]
        assert lab.live == ["fixed"]


class TestDelete:
    async def test_follows_from_removal(self, lab: Lab) -> None:
        await lab.up("role")

        run = await lab.up("nothing")

        assert (run.steps, lab.live) == ([["delete", "role"]], [])

    async def test_of_all_takes_dependents_first(self, lab: Lab, service: dict[str, Any]) -> None:
        await lab.up("service", **service)

        run = await lab.destroy()

        assert run.steps == [["delete", "permission"], ["delete", "function"], ["delete", "role"]]
        assert lab.live == []

    async def test_is_refused_for_what_is_protected(self, lab: Lab) -> None:
        await lab.up("role", opts={"protect": True})

        run = await lab.up("nothing")

        assert "is protected" in run.error
        assert len(lab.live) == 1


class TestRefresh:
    async def test_finds_nothing_where_nothing_drifted(self, lab: Lab, service: dict[str, Any]) -> None:
        await lab.up("service", **service, secret=_CANARY)

        refresh, preview = await lab.refresh(), await lab.preview("service", **service, secret=_CANARY)

        assert (refresh.changes, preview.changes) == ({"same": 4}, {"same": 4})

    async def test_finds_drift_that_the_next_up_repairs(self, lab: Lab) -> None:
        await lab.up("role", name="role", description="as ordered")
        lab.cloud().update(_ROLE, "role", {**_ROLE_INPUTS, "tags": {"by": "hand"}})

        refresh, up = await lab.refresh(), await lab.up("role", name="role", description="as ordered")

        repaired = lab.cloud().read(_ROLE, "role") or {}
        assert (refresh.changes["update"], up.steps) == (1, [["update", "role"]])
        assert (repaired["description"], repaired.get("tags")) == ("as ordered", None)

    async def test_leaves_drift_that_is_to_be_ignored(self, lab: Lab) -> None:
        program: dict[str, Any] = {"name": "role", "tags": {"by": "us"}, "opts": {"ignore_changes": ["tags"]}}
        await lab.up("role", **program)
        lab.cloud().update(_ROLE, "role", {**_ROLE_INPUTS, "tags": {"by": "hand"}})

        await lab.refresh()
        run = await lab.preview("role", **program)

        assert run.changes == {"same": 2}

    async def test_forgets_what_is_gone(self, lab: Lab) -> None:
        await lab.up("role", name="role")
        lab.cloud().delete(_ROLE, "role")

        refresh, up = await lab.refresh(), await lab.up("role", name="role")

        assert (refresh.changes["delete"], up.steps, lab.live) == (1, [["create", "role"]], ["role"])


class TestRefusal:
    async def test_is_told_in_the_clouds_words(self, lab: Lab) -> None:
        lab.cloud().create(_ROLE, _ROLE_INPUTS, owner="somebody")

        run = await lab.up("role", name="role")

        assert "StatusCode: 409, EntityAlreadyExists: Role with name role already exists." in run.error
        assert _ROLE not in lab.state

    async def test_keeps_what_was_made_before(self, lab: Lab, service: dict[str, Any]) -> None:
        lab.faults = _faulty(FaultEffect.THROTTLE, type="aws:lambda/function:Function", call=1)
        failed = await lab.up("service", **service)

        again = await lab.up("service", **service)

        assert "StatusCode: 429, TooManyRequestsException: Rate exceeded" in failed.error
        assert again.steps == [["create", "function"], ["create", "permission"]]

    async def test_of_bad_inputs_names_the_property(self, lab: Lab) -> None:
        run = await lab.preview("role", name="not a name")

        assert "aws:iam/role:Role resource 'role' has a problem: name: must match" in run.error
        assert lab.live == []

    async def test_meets_a_type_without_rules(self, lab: Lab) -> None:
        run = await lab.preview("bucket")

        assert "The simulated cloud has no rules for aws:s3/bucket:Bucket." in run.error

    async def test_after_the_making_is_mended_by_the_next_up(self, lab: Lab) -> None:
        lab.faults = _faulty(FaultEffect.PARTIAL, call=1)
        failed = await lab.up("role", name="role")

        again = await lab.up("role", name="role")

        assert "could not be completed" in failed.error
        assert (again.steps, again.error, lab.live) == ([["update", "role"]], "", ["role"])

    async def test_that_leaves_the_outcome_open_is_not_hidden(self, lab: Lab) -> None:
        lab.faults = _faulty(FaultEffect.CREATED_BUT_TIMEOUT, call=1)
        failed = await lab.up("role", name="role")

        again = await lab.up("role", name="role")

        assert "StatusCode: 504, RequestTimeout" in failed.error
        assert "StatusCode: 409, EntityAlreadyExists" in again.error


class TestSecrets:
    async def test_are_not_in_the_state(self, lab: Lab, service: dict[str, Any]) -> None:
        await lab.up("service", **service, secret=_CANARY)

        assert "ciphertext" in lab.outputs["environment"]
        assert lab.state.count('"PLAIN":"plain","TOKEN":{') == 2  # of the function's inputs, and of its outputs
        assert _CANARY not in lab.state

    async def test_are_not_in_a_complaint_about_them(self, lab: Lab) -> None:
        run = await lab.up("secret_name", name=f"not a name: {_CANARY}")

        assert "has a problem: name: must match" in run.error
        assert _CANARY not in run.error

    async def test_that_change_are_seen(self, lab: Lab, service: dict[str, Any]) -> None:
        await lab.up("service", **service, secret="another")

        run = await lab.up("service", **service, secret=_CANARY)

        assert run.steps == [["update", "function"]]
        assert _CANARY not in lab.state


class TestReading:
    async def test_gets_what_somebody_else_made(self, lab: Lab) -> None:
        made = lab.cloud().create(_ROLE, _ROLE_INPUTS, owner="somebody")

        await lab.up("their_role", name="role")
        read = lab.outputs
        await lab.destroy()

        assert (read, lab.live) == ({"arn": made.outputs["arn"]}, ["role"])

    async def test_imports_what_somebody_else_made(self, lab: Lab) -> None:
        lab.cloud().create(_ROLE, _ROLE_INPUTS, owner="somebody")

        run = await lab.up("role", name="role", opts={"import_": "role"})
        again = await lab.preview("role", name="role")

        assert (run.steps, again.changes) == ([["import", "role"]], {"same": 2})

    async def test_fails_where_there_is_nothing(self, lab: Lab) -> None:
        run = await lab.up("their_role", name="nobody")

        assert "does not exist" in run.error
