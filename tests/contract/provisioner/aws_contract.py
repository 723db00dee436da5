"""The contract of every engine for the rest-api on AWS."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest

from semantest_iac.domain.deployment.change_plan import ChangePlan, CodeChange
from semantest_iac.domain.deployment.property_changes import COMPUTED_TEXT, ChangeSource
from semantest_iac.domain.errors import ProviderError
from semantest_iac.domain.ports.provisioner import Work
from semantest_iac_events.values import ChangeCounts
from tests.contract.provisioner.provisioner_contract import EngineFixture, list_values

_TOPIC, _LOG_GROUP = "aws:sns/topic:Topic", "aws:cloudwatch/logGroup:LogGroup"
_ALERTS = [{"type": "error_rate", "threshold": 0.05}, {"type": "latency", "threshold": 800}]


class AwsContract:
    """The tests of the contract; a subclass provides the `fixture` with its engine."""

    async def test_previews_changes_of_settings_code_and_secrets(self, fixture: EngineFixture) -> None:
        def work(alerts: list[dict[str, Any]], secret: str, memory: int, **variables: str) -> Work:
            environment = {"TOKEN": f"${{secrets.{secret}}}", "KEPT": "${secrets.kept}", **variables}
            section = {"memory": memory, "environment": environment}
            return fixture.work_for({"monitoring": {"alerts": alerts}, "components": {"rest-api": section}})

        before = {"LEVEL": "info", "OLD": "x"}
        await fixture.deploy(work(_ALERTS, "token", 512, **before))
        old = fixture.digest

        settings = await fixture.engine.preview(work(_ALERTS, "token", 1024, LEVEL="debug", NEW="y"))
        fewer_alarms = await fixture.engine.preview(work(_ALERTS[:1], "token", 512, **before))
        removal = await fixture.engine.preview_destroy(fixture.east)
        fixture.package.write_bytes(b"another package")
        code = await fixture.engine.preview(work(_ALERTS, "other", 512, **before))

        _expect_that_only_function_and_alias_change(settings)
        assert [(change.op, change.name) for change in fewer_alarms.mutations] == [("delete", "alarm-latency")]
        lost = {change.type for change in removal.resources if change.reversible == "irreversible"}
        assert lost == {_LOG_GROUP, "aws:secretsmanager/secret:Secret"}
        assert code.code == CodeChange(old, fixture.digest)
        assert ("function", "code", old, fixture.digest) in list_values(code)
        assert _list_waiting(code) == {
            ("identity", "policy"): [("secret-other", "create")],
            ("function", "environment.variables.SEMANTEST_SECRETS"): [("secret-other", "create")],
            ("live", "functionVersion"): [("function", "update")],
        }
        assert fixture.canary not in json.dumps(code.as_dict())

    async def test_traces_a_replacement_to_the_resource_that_forces_it(self, fixture: EngineFixture) -> None:
        await fixture.deploy(fixture.work(network={"private": True, "cidr": "10.0.0.0/20"}))

        plan = await fixture.engine.preview(fixture.work(network={"private": True, "cidr": "10.1.0.0/20"}))

        replaced = {change.type: change for change in plan.mutations if change.op == "replace"}
        assert replaced["aws:ec2/vpc:Vpc"].why == ("cidrBlock",)
        assert replaced["aws:ec2/subnet:Subnet"].why == ("cidrBlock", "vpcId (network)")
        block, vpc = replaced["aws:ec2/subnet:Subnet"].properties
        assert (block.path, str(block.new).startswith("10.1."), block.replaces) == ("cidrBlock", True, True)
        assert (vpc.path, vpc.new, vpc.replaces) == ("vpcId", COMPUTED_TEXT, True)
        assert vpc.sources == (ChangeSource("network", "replace"),)

    async def test_refresh_sees_and_repairs_what_was_changed_in_the_cloud(self, fixture: EngineFixture) -> None:
        await fixture.deploy(fixture.work())
        cloud = fixture.cloud("aws", fixture.east.region)
        [topic] = [it for it in cloud.list_resources() if it[0] == _TOPIC]
        group = next(it for it in cloud.list_resources() if it[0] == _LOG_GROUP and "lambda" in it[1])
        before = cloud.read(*group)
        assert before is not None
        changed = {name: before[name] for name in ("name", "tags")} | {"retentionInDays": 1}
        await asyncio.to_thread(cloud.update, *group, changed)
        await asyncio.to_thread(cloud.delete, *topic)
        work = replace(fixture.work(), refresh=True)

        blind = await fixture.engine.preview(fixture.work())
        plan, drift = await fixture.engine.preview(work), await fixture.engine.detect_drift(fixture.east)
        await fixture.deploy(work)

        assert drift == plan.drift
        assert (blind.is_empty, blind.drift) == (True, ())
        assert sorted((it.name, it.op) for it in plan.drift) == [("alerts", "delete"), ("function-logs", "update")]
        assert {("alerts", "create"), ("function-logs", "update")} <= {(it.name, it.op) for it in plan.mutations}
        repaired = cloud.read(*group)
        assert repaired and repaired["retentionInDays"] == before["retentionInDays"]
        assert topic in cloud.list_resources()
        after = await fixture.engine.preview(work)
        assert (after.drift, after.is_empty) == ((), True)

    async def test_keeps_account_settings_which_the_access_log_of_a_websocket_needs(
        self, fixture: EngineFixture
    ) -> None:
        account, stack = (replace(fixture.east, component=name) for name in ("account", "websocket"))
        work = fixture.work_for({"features": {"access_logs": True}}, stack)

        with pytest.raises(ProviderError, match="CloudWatch Logs role ARN must be set") as caught:
            await fixture.deploy(work)
        created = (await fixture.deploy(fixture.work_for({}, account))).changes.create
        planned = await fixture.engine.preview_destroy(account)
        removed = await fixture.destroy(account)
        with_kept_role = await fixture.deploy(work)
        again = await fixture.deploy(fixture.work_for({}, account, generation=2))

        assert "deploy --component account --provider aws" in caught.value.hint
        assert {(change.op, change.reversible) for change in planned.resources} == {("keep", "reversible")}
        assert planned.changes == removed == ChangeCounts(keep=created)
        assert with_kept_role.changes.create > 0
        assert again.changes == ChangeCounts(create=created)


def _expect_that_only_function_and_alias_change(plan: ChangePlan) -> None:
    assert {(change.type, change.op, change.why) for change in plan.mutations} == {
        ("aws:lambda/function:Function", "update", ("environment", "memorySize")),
        ("aws:lambda/alias:Alias", "update", ("functionVersion (function)",)),
    }
    assert list_values(plan) == {
        ("function", "environment.variables.LEVEL", "info", "debug"),
        ("function", "environment.variables.NEW", None, "y"),
        ("function", "environment.variables.OLD", "x", None),
        ("function", "memorySize", 512, 1024),
        ("live", "functionVersion", "1", COMPUTED_TEXT),
    }


def _list_waiting(plan: ChangePlan) -> dict[tuple[str, str], list[tuple[str, ...]]]:
    """The properties whose values are computed, with the changes that they wait for."""
    return {
        (it.name, change.path): [tuple(source) for source in change.sources]
        for it in plan.mutations
        for change in it.properties
        if change.is_computed
    }
