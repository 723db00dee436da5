from __future__ import annotations

import pulumi
import pulumi_aws as aws
import pytest

from semantest_iac.domain.errors import ProviderError
from tests.integration.sandbox_engine.programs import chain, changes_of, topic
from tests.integration.sandbox_engine.world import Program, World


class TestProtect:
    def test_keeps_a_resource_and_what_it_needs_and_names_it(self, world: World) -> None:
        world.up(chain("a", protect=True))

        with pytest.raises(ProviderError, match="'topic' must not be deleted: it is protected"):
            world.destroy()

        assert [type_ for type_, _ in world.in_cloud()] == ["aws:sns/topic:Topic"]
        assert world.in_state() == world.in_cloud()

    def test_names_the_resource_that_would_be_deleted_first(self, world: World) -> None:
        def program() -> None:
            first = aws.sns.Topic("first", opts=pulumi.ResourceOptions(protect=True))
            aws.sns.Topic("second", opts=pulumi.ResourceOptions(protect=True, depends_on=[first]))

        world.up(program)

        with pytest.raises(ProviderError, match=r"Cannot deploy 'second' .*'first', 'second' must not be deleted"):
            world.destroy()

    def test_refuses_a_replacement_before_any_operation(self, world: World) -> None:
        world.up(chain("a", protect=True))
        before = world.in_cloud()

        with pytest.raises(ProviderError, match="must be replaced and is protected"):
            world.up(chain("b", protect=True))

        assert world.in_cloud() == before

    def test_is_reported_by_the_present_name(self, world: World) -> None:
        world.up(topic("old", name="a", opts=pulumi.ResourceOptions(protect=True)))
        renamed = pulumi.ResourceOptions(protect=True, aliases=[pulumi.Alias(name="old")])

        with pytest.raises(ProviderError, match=r"Cannot deploy 'new' .*must be replaced and is protected"):
            world.up(topic("new", name="b", opts=renamed))

    def test_can_be_removed_together_with_the_replacement(self, world: World) -> None:
        world.up(chain("a", protect=True))

        assert changes_of(world.up(chain("b", protect=False)))[0] == ("replace", "topic", ("name",))

    def test_does_not_keep_resources_replaced_before(self, world: World) -> None:
        """An alarm of the same name replaces it in the cloud, and a refused update leaves the old one to be deleted."""

        def program(label: str) -> Program:
            def declare() -> None:
                hasty = pulumi.ResourceOptions(replace_on_changes=["alarmDescription"], delete_before_replace=False)
                first = aws.cloudwatch.MetricAlarm(
                    "first",
                    name="first",
                    alarm_description=label,
                    comparison_operator="GreaterThanThreshold",
                    evaluation_periods=1,
                    metric_name="Errors",
                    namespace="AWS/Lambda",
                    period=60,
                    statistic="Sum",
                    threshold=1,
                    opts=hasty,
                )
                kept = pulumi.ResourceOptions(protect=True, depends_on=[first])
                aws.sns.Topic("second", name=f"second-{label}", opts=kept)

            return declare

        world.up(program("a"))
        with pytest.raises(ProviderError, match="must be replaced and is protected"):
            world.up(program("b"))

        with pytest.raises(ProviderError, match="must not be deleted: it is protected"):
            world.destroy()

        assert [state.name for state in world.states()] == ["first", "second"]
        assert [id_.rpartition(":")[2] for _, id_ in world.in_cloud()] == ["second-a"]

    def test_is_inherited_from_the_parent(self, world: World) -> None:
        def program() -> None:
            parent = pulumi.ComponentResource("my:kind:Group", "group", None, pulumi.ResourceOptions(protect=True))
            aws.sns.Topic("topic", opts=pulumi.ResourceOptions(parent=parent))

        world.up(program)

        with pytest.raises(ProviderError, match="protected"):
            world.destroy()
