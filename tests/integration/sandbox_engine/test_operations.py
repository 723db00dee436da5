"""Which operations a changed program leads to, and in which order; Pulumi's own engine is the model."""

from __future__ import annotations

from typing import Any

import pulumi
import pulumi_aws as aws
import pytest

from semantest_iac.domain.errors import ProviderError
from semantest_iac.infrastructure.sandbox_engine.steps import Step
from tests.integration.sandbox_engine.world import Program, World


def _told(steps: list[Step]) -> list[tuple[str, str, tuple[str, ...]]]:
    return [(step.op, step.state.name, step.why) for step in steps if step.op != "same"]


def _topic(logical: str = "topic", **arguments: Any) -> Program:
    return lambda: pulumi.export("arn", aws.sns.Topic(logical, **arguments).arn)


def _chain(topic: str, **options: Any) -> Program:
    """A topic with a subscription that cannot outlive it and an alarm that only points to it."""

    def program() -> None:
        first = aws.sns.Topic("topic", name=topic, opts=pulumi.ResourceOptions(**options))
        aws.sns.TopicSubscription("mail", topic=first.arn, protocol="email", endpoint="a@example.org")
        aws.cloudwatch.MetricAlarm(
            "alarm",
            name="alarm",
            comparison_operator="GreaterThanThreshold",
            evaluation_periods=1,
            metric_name="Errors",
            namespace="AWS/Lambda",
            period=60,
            statistic="Sum",
            threshold=1,
            alarm_actions=[first.arn],
        )

    return program


class TestOneResource:
    def test_is_created_then_left_alone(self, world: World) -> None:
        first, second = world.up(_topic(name="a")), world.up(_topic(name="a"))

        assert [(step.op, step.state.name) for step in first] == [("create", "topic")]
        assert [(step.op, step.state.name) for step in second] == [("same", "topic")]
        assert world.outputs() == {"arn": "arn:aws:sns:us-east-1:123456789012:a"}

    def test_is_updated_in_place(self, world: World) -> None:
        world.up(_topic(name="a"))

        steps = world.up(_topic(name="a", display_name="A"))

        assert _told(steps) == [("update", "topic", ("displayName",))]
        assert world.state("topic").outputs["displayName"] == "A"

    def test_keeps_the_name_that_was_chosen_for_it(self, world: World) -> None:
        world.up(_topic())
        name = world.state("topic").outputs["name"]

        steps = world.up(_topic(display_name="A"))

        assert [step.op for step in steps] == ["update"]
        assert world.state("topic").outputs["name"] == name

    def test_is_deleted_when_the_program_lacks_it(self, world: World) -> None:
        world.up(_topic())

        steps = world.up(lambda: None)

        assert [step.op for step in steps] == ["delete"]
        assert (world.remembered(), world.living()) == ([], [])


class TestReplacement:
    def test_makes_the_new_one_first_and_deletes_the_old_one_last(self, world: World) -> None:
        world.up(_chain("old"))
        world.ticks.clear()

        steps = world.up(_chain("new"))

        assert _told(steps) == [
            ("replace", "topic", ("name",)),
            ("replace", "mail", ("topic",)),
            ("update", "alarm", ("alarmActions",)),
        ]
        done = [(tick.op, tick.name) for tick in world.ticks if tick.state == "done"]
        assert done[-2:] == [("delete", "mail"), ("delete", "topic")]
        assert world.remembered() == world.living()

    def test_is_foreseen_with_the_same_operations(self, world: World) -> None:
        world.up(_chain("old"))

        foreseen, done = world.preview(_chain("new")), world.up(_chain("new"))

        assert _told(foreseen) == _told(done)

    def test_deletes_first_on_request_with_those_that_cannot_outlive_it(self, world: World) -> None:
        world.up(_chain("old"))
        world.ticks.clear()

        world.up(_chain("new", delete_before_replace=True))

        done = [(tick.op, tick.name) for tick in world.ticks if tick.state == "done"]
        assert done == [
            ("delete", "mail"),
            ("delete", "topic"),
            ("replace", "topic"),
            ("replace", "mail"),
            ("update", "alarm"),
        ]
        assert world.remembered() == world.living()

    def test_deletes_first_where_a_name_must_stay(self, world: World) -> None:
        def role(path: str) -> Program:
            return lambda: aws.iam.Role("role", name="role", path=path, assume_role_policy="{}")

        world.up(role("/a/"))
        world.ticks.clear()

        world.up(role("/b/"))

        assert [tick.op for tick in world.ticks if tick.state == "done"] == ["delete", "replace"]

    def test_gives_another_name_to_one_that_had_none(self, world: World) -> None:
        world.up(_topic())
        name = world.state("topic").outputs["name"]

        steps = world.up(_topic(fifo_topic=True, content_based_deduplication=True))

        assert [step.op for step in steps] == ["replace"]
        assert world.state("topic").outputs["name"] != name
        assert world.remembered() == world.living()

    def test_deletes_one_that_was_cleared_away_and_is_not_wanted_again(self, world: World) -> None:
        world.up(_chain("old"))

        steps = world.up(_topic(name="new", opts=pulumi.ResourceOptions(delete_before_replace=True)))

        assert _told(steps)[0] == ("replace", "topic", ("name",))
        assert sorted(name for op, name, _ in _told(steps) if op == "delete") == ["alarm", "mail"]
        assert world.remembered() == world.living()


class TestReplaceOnChanges:
    @pytest.mark.parametrize("path", ["*", "tags", "tags.team", 'tags["team"]'])
    def test_replaces_where_a_change_lies_on_the_path(self, world: World, path: str) -> None:
        def tagged(team: str) -> Program:
            return _topic(tags={"team": team}, opts=pulumi.ResourceOptions(replace_on_changes=[path]))

        world.up(tagged("a"))

        assert [step.op for step in world.up(tagged("b"))] == ["replace"]

    def test_updates_where_it_does_not(self, world: World) -> None:
        def tagged(team: str) -> Program:
            return _topic(tags={"team": team}, opts=pulumi.ResourceOptions(replace_on_changes=["tags.owner"]))

        world.up(tagged("a"))

        assert [step.op for step in world.up(tagged("b"))] == ["update"]


class TestIgnoreChanges:
    @pytest.mark.parametrize("path", ["tags", "tags.team", "tags.*", "tags[*]"])
    def test_leaves_what_lies_on_the_path(self, world: World, path: str) -> None:
        def tagged(team: str) -> Program:
            return _topic(tags={"team": team}, opts=pulumi.ResourceOptions(ignore_changes=[path]))

        world.up(tagged("a"))

        assert [step.op for step in world.up(tagged("b"))] == ["same"]
        assert world.state("topic").inputs["tags"] == {"team": "a"}

    def test_does_not_hold_when_the_resource_is_replaced(self, world: World) -> None:
        def named(name: str, team: str) -> Program:
            return _topic(name=name, tags={"team": team}, opts=pulumi.ResourceOptions(ignore_changes=["tags"]))

        world.up(named("a", "x"))
        world.up(named("b", "y"))

        assert world.state("topic").outputs["tags"] == {"team": "y"}


class TestProtect:
    def test_keeps_a_resource_and_what_it_needs_and_tells_of_all(self, world: World) -> None:
        world.up(_chain("a", protect=True))

        with pytest.raises(ProviderError, match="'topic' must not be deleted: it is protected"):
            world.destroy()

        assert [type_ for type_, _ in world.living()] == ["aws:sns/topic:Topic"]
        assert world.remembered() == world.living()

    def test_names_first_what_would_have_gone_first(self, world: World) -> None:
        def program() -> None:
            first = aws.sns.Topic("first", opts=pulumi.ResourceOptions(protect=True))
            aws.sns.Topic("second", opts=pulumi.ResourceOptions(protect=True, depends_on=[first]))

        world.up(program)

        with pytest.raises(ProviderError, match=r"Cannot deploy 'second' .*'first', 'second' must not be deleted"):
            world.destroy()

    def test_refuses_a_replacement_before_anything_is_done(self, world: World) -> None:
        world.up(_chain("a", protect=True))
        before = world.living()

        with pytest.raises(ProviderError, match="must be replaced and is protected"):
            world.up(_chain("b", protect=True))

        assert world.living() == before

    def test_is_told_of_by_the_present_name(self, world: World) -> None:
        world.up(_topic("old", name="a", opts=pulumi.ResourceOptions(protect=True)))
        renamed = pulumi.ResourceOptions(protect=True, aliases=[pulumi.Alias(name="old")])

        with pytest.raises(ProviderError, match=r"Cannot deploy 'new' .*must be replaced and is protected"):
            world.up(_topic("new", name="b", opts=renamed))

    def test_may_be_lifted_together_with_the_replacement(self, world: World) -> None:
        world.up(_chain("a", protect=True))

        assert _told(world.up(_chain("b", protect=False)))[0] == ("replace", "topic", ("name",))

    def test_keeps_nothing_that_was_replaced_before(self, world: World) -> None:
        """A topic of the same name takes its predecessor's place, which a refused update leaves to be deleted."""

        def program(label: str) -> Program:
            def made() -> None:
                hasty = pulumi.ResourceOptions(replace_on_changes=["displayName"], delete_before_replace=False)
                first = aws.sns.Topic("first", name="first", display_name=label, opts=hasty)
                kept = pulumi.ResourceOptions(protect=True, depends_on=[first])
                aws.sns.Topic("second", name=f"second-{label}", opts=kept)

            return made

        world.up(program("a"))
        with pytest.raises(ProviderError, match="must be replaced and is protected"):
            world.up(program("b"))

        with pytest.raises(ProviderError, match="must not be deleted: it is protected"):
            world.destroy()

        assert [state.name for state in world.states()] == ["first", "second"]
        assert [id_.rpartition(":")[2] for _, id_ in world.living()] == ["second-a"]

    def test_is_inherited_from_the_parent(self, world: World) -> None:
        def program() -> None:
            parent = pulumi.ComponentResource("my:kind:Group", "group", None, pulumi.ResourceOptions(protect=True))
            aws.sns.Topic("topic", opts=pulumi.ResourceOptions(parent=parent))

        world.up(program)

        with pytest.raises(ProviderError, match="protected"):
            world.destroy()


class TestRetainOnDelete:
    def test_leaves_it_in_the_cloud_and_forgets_it(self, world: World) -> None:
        world.up(_topic(opts=pulumi.ResourceOptions(retain_on_delete=True)))

        world.destroy()

        assert world.remembered() == []
        assert len(world.living()) == 1


class TestAliases:
    @pytest.mark.parametrize(
        "alias",
        [
            pulumi.Alias(name="old"),
            "urn:pulumi:rest-api.aws.development.us-east-1::semantest-infrastructure::aws:sns/topic:Topic::old",
        ],
        ids=["by part", "by URN"],
    )
    def test_a_renamed_resource_is_the_same_one(self, world: World, alias: pulumi.Alias | str) -> None:
        world.up(_topic("old", name="a"))

        steps = world.up(_topic("new", name="a", opts=pulumi.ResourceOptions(aliases=[alias])))

        assert [(step.op, step.state.name) for step in steps] == [("same", "new")]
        assert world.state("new").aliases == ()

    def test_children_of_a_renamed_parent_are_found_under_its_former_name(self, world: World) -> None:
        def nested(name: str, *former: str) -> Program:
            def program() -> None:
                aliases = [pulumi.Alias(name=each) for each in former]
                group = pulumi.ComponentResource("my:k:Group", name, None, pulumi.ResourceOptions(aliases=aliases))
                aws.sns.Topic(f"{name}-topic", name="t", opts=pulumi.ResourceOptions(parent=group))

            return program

        world.up(nested("old"))

        steps = world.up(nested("new", "old"))

        assert [(step.op, step.state.name) for step in steps] == [("same", "new-topic")]

    def test_a_resource_moved_under_a_parent_is_the_same_one(self, world: World) -> None:
        def nested() -> None:
            group = pulumi.ComponentResource("my:k:Group", "group")
            alias = pulumi.Alias(parent=pulumi.ROOT_STACK_RESOURCE)
            aws.sns.Topic("topic", name="t", opts=pulumi.ResourceOptions(parent=group, aliases=[alias]))

        world.up(_topic(name="t"))

        assert [step.op for step in world.up(nested)] == ["same"]

    def test_two_resources_cannot_have_been_one(self, world: World) -> None:
        def twins() -> None:
            aws.sns.Topic("b", opts=pulumi.ResourceOptions(aliases=[pulumi.Alias(name="a")]))
            aws.sns.Topic("a")

        world.up(_topic("a"))

        with pytest.raises(ProviderError, match="Duplicate resource"):
            world.up(twins)
