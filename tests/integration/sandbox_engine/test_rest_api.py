"""The rest-api in the sandbox, in every form that it can have."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from semantest_iac.domain.deployment.stack import Stack
from semantest_iac_events.values import ChangeCounts
from tests.integration.sandbox_engine import integrity
from tests.integration.sandbox_engine.rest_api import House
from tests.unit.cloud_programs.variants import VARIANTS

_FORMS = [(variant, "development") for variant in VARIANTS] + [("secrets", "production"), ("limited", "staging")]


@pytest.fixture
def house(tmp_path: Path) -> House:
    """A home whose cloud has a network that belongs to somebody else."""
    house = House(tmp_path)
    cloud = house.cloud("aws", "us-east-1")
    vpc = cloud.create("aws:ec2/vpc:Vpc", {"cidrBlock": "10.9.0.0/16"}, owner="them").id
    subnet = {"vpcId": vpc, "cidrBlock": "10.9.0.0/24", "availabilityZone": "us-east-1a"}
    group = {"vpcId": vpc, "name": "theirs", "description": "theirs"}
    house.theirs = {
        "subnet-1": cloud.create("aws:ec2/subnet:Subnet", subnet, owner="them").id,
        "sg-1": cloud.create("aws:ec2/securityGroup:SecurityGroup", group, owner="them").id,
    }
    return house


def _filled(value: Any, theirs: Mapping[str, str]) -> Any:
    """The configuration with the ids of the network of others in their places."""
    if isinstance(value, Mapping):
        return {name: _filled(item, theirs) for name, item in value.items()}
    if isinstance(value, list):
        return [_filled(item, theirs) for item in value]
    return theirs.get(value, value) if isinstance(value, str) else value


class TestEveryForm:
    @pytest.mark.parametrize(("variant", "environment"), _FORMS)
    async def test_is_made_kept_removed_and_made_again(self, house: House, variant: str, environment: str) -> None:
        stack = Stack("rest-api", "aws", environment, "us-east-1")
        configuration = _filled(VARIANTS[variant], house.theirs)
        before = set(house.living())

        made = (await house.deploy(house.work(configuration, stack))).changes
        again = (await house.deploy(house.work(configuration, stack))).changes
        assert (made.create, again) == (again.same, ChangeCounts(same=made.create))
        assert set(house.remembered(stack)) == set(house.living()) - before
        assert integrity.faults(house.engine.export(stack)) == []

        await house.destroy(stack)
        kept = {type_ for type_, _ in set(house.living()) - before}
        assert kept == ({"aws:cloudwatch/logGroup:LogGroup"} if environment == "production" else set())
        assert (await house.deploy(house.work(configuration, stack, generation=2))).changes.create == made.create

    async def test_says_why_it_cannot_be_deployed(self, house: House) -> None:
        limited = {"components": {"rest-api": {"instances": {"max": 995}}}}

        with pytest.raises(Exception, match="UnreservedConcurrentExecution") as refusal:
            await house.deploy(house.work(limited))

        hint = "Raise the account's concurrency quota, or leave instances.max out."
        assert getattr(refusal.value, "hint", "") == hint
