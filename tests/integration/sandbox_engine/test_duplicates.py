from __future__ import annotations

import pulumi_aws as aws
import pytest

from semantest_iac.domain.errors import ProviderError
from tests.integration.sandbox_engine.world import World


class TestDuplicates:
    def test_are_refused_by_name(self, world: World) -> None:
        def twice() -> None:
            aws.sns.Topic("a", name="a")
            aws.sns.Topic("a", name="b")

        with pytest.raises(ProviderError, match=r"Duplicate resource 'urn:pulumi:.*::a'; try giving it a unique name"):
            world.up(twice)

        assert world.in_state() == world.in_cloud()
