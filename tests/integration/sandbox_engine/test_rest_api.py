from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from semantest_iac.domain.deployment.stack import Stack
from semantest_iac_events.values import ChangeCounts
from tests.integration.sandbox_engine import integrity
from tests.integration.sandbox_engine.rest_api import SandboxHome
from tests.unit.cloud_programs.variants import VARIANTS

_VARIANTS = [(variant, "development") for variant in VARIANTS] + [("secrets", "production"), ("limited", "staging")]


@pytest.fixture
def home(tmp_path: Path) -> SandboxHome:
    """A home whose cloud contains an external network."""
    home = SandboxHome(tmp_path)
    cloud = home.cloud("aws", "us-east-1")
    vpc = cloud.create("aws:ec2/vpc:Vpc", {"cidrBlock": "10.9.0.0/16"}, owner="them").id
    subnet = {"vpcId": vpc, "cidrBlock": "10.9.0.0/24", "availabilityZone": "us-east-1a"}
    group = {"vpcId": vpc, "name": "external", "description": "external"}
    home.existing_ids = {
        "subnet-1": cloud.create("aws:ec2/subnet:Subnet", subnet, owner="them").id,
        "sg-1": cloud.create("aws:ec2/securityGroup:SecurityGroup", group, owner="them").id,
    }
    return home


def _with_ids(value: Any, existing_ids: Mapping[str, str]) -> Any:
    """Fill in the ids of the external network."""
    if isinstance(value, Mapping):
        return {name: _with_ids(item, existing_ids) for name, item in value.items()}
    if isinstance(value, list):
        return [_with_ids(item, existing_ids) for item in value]
    return existing_ids.get(value, value) if isinstance(value, str) else value


class TestEveryVariant:
    @pytest.mark.parametrize(("variant", "environment"), _VARIANTS)
    async def test_is_created_kept_destroyed_and_created_again(
        self, home: SandboxHome, variant: str, environment: str
    ) -> None:
        stack = Stack("rest-api", "aws", environment, "us-east-1")
        configuration = _with_ids(VARIANTS[variant], home.existing_ids)
        before = set(home.in_cloud())

        created = (await home.deploy(home.work(configuration, stack))).changes
        again = (await home.deploy(home.work(configuration, stack))).changes
        assert (created.create, again) == (again.same, ChangeCounts(same=created.create))
        assert set(home.in_state(stack)) == set(home.in_cloud()) - before
        assert integrity.faults(home.engine.export(stack)) == []

        await home.destroy(stack)
        kept = {type_ for type_, _ in set(home.in_cloud()) - before}
        assert kept == ({"aws:cloudwatch/logGroup:LogGroup"} if environment == "production" else set())
        assert (await home.deploy(home.work(configuration, stack, generation=2))).changes.create == created.create

    async def test_reports_why_it_cannot_be_deployed(self, home: SandboxHome) -> None:
        limited = {"components": {"rest-api": {"instances": {"max": 995}}}}

        with pytest.raises(Exception, match="UnreservedConcurrentExecution") as refusal:
            await home.deploy(home.work(limited))

        assert "New AWS accounts run as few as 10 functions at once" in getattr(refusal.value, "hint", "")
