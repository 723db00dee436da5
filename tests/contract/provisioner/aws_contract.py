"""What an engine promises of the rest-api on AWS."""

from __future__ import annotations

from dataclasses import replace

import pytest

from semantest_iac.domain.errors import ProviderError
from semantest_iac_events.values import ChangeCounts
from tests.contract.provisioner.provisioner_contract import Bench

_ALERTS = [{"type": "error_rate", "threshold": 0.05}, {"type": "latency", "threshold": 800}]


class AwsContract:
    """The promises; a subclass gives the `bench` whose engine has to keep them."""

    async def test_changes_the_function_and_its_alias_only_for_more_memory(self, bench: Bench) -> None:
        await bench.deploy(bench.work(memory=512))

        plan = await bench.engine.preview(bench.work(memory=1024))

        changed = {(change.type, change.op, change.why) for change in plan.mutations}
        assert changed == {
            ("aws:lambda/function:Function", "update", ("memorySize",)),
            ("aws:lambda/alias:Alias", "update", ("functionVersion (function)",)),
        }

    async def test_leads_a_replacement_back_to_the_resource_that_forces_it(self, bench: Bench) -> None:
        await bench.deploy(bench.work(network={"private": True, "cidr": "10.0.0.0/20"}))

        plan = await bench.engine.preview(bench.work(network={"private": True, "cidr": "10.1.0.0/20"}))

        why = {change.type: change.why for change in plan.mutations if change.op == "replace"}
        assert why["aws:ec2/vpc:Vpc"] == ("cidrBlock",)
        assert why["aws:ec2/subnet:Subnet"] == ("cidrBlock", "vpcId (network)")

    async def test_deletes_that_alarm_only_when_one_is_no_longer_wanted(self, bench: Bench) -> None:
        await bench.deploy(bench.works({"monitoring": {"alerts": _ALERTS}}))

        plan = await bench.engine.preview(bench.works({"monitoring": {"alerts": _ALERTS[:1]}}))

        assert [(change.op, change.name) for change in plan.mutations] == [("delete", "alarm-latency")]

    async def test_keeps_what_the_account_has_once_and_makes_it_anew(self, bench: Bench) -> None:
        stack = replace(bench.east, component="account")
        made = (await bench.deploy(bench.works({}, stack))).changes.create
        foreseen = await bench.engine.preview_destroy(stack)

        removed = await bench.destroy(stack)
        again = await bench.deploy(bench.works({}, stack, generation=2))

        assert {(change.op, change.reversible) for change in foreseen.resources} == {("keep", "reversible")}
        assert foreseen.changes == removed == ChangeCounts(keep=made)
        assert again.changes == ChangeCounts(create=made)

    async def test_names_the_stack_that_the_log_of_a_websocket_waits_for(self, bench: Bench) -> None:
        account, stack = (replace(bench.east, component=name) for name in ("account", "websocket"))
        work = bench.works({"features": {"access_logs": True}}, stack)

        with pytest.raises(ProviderError, match="CloudWatch Logs role ARN must be set") as caught:
            await bench.deploy(work)
        await bench.deploy(bench.works({}, account))
        await bench.destroy(account)

        assert "deploy --component account --provider aws" in caught.value.hint
        assert (await bench.deploy(work)).changes.create > 0  # the role stays

    async def test_says_what_cannot_be_undone(self, bench: Bench) -> None:
        await bench.deploy(bench.work(environment={"TOKEN": "${secrets.token}"}))

        plan = await bench.engine.preview_destroy(bench.east)

        lost = {change.type for change in plan.resources if change.reversible == "irreversible"}
        assert lost == {"aws:cloudwatch/logGroup:LogGroup", "aws:secretsmanager/secret:Secret"}
