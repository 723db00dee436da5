"""Which operations a changed program leads to, and in which order; Pulumi's own engine is the model."""

from __future__ import annotations

import pulumi
import pulumi_aws as aws
import pytest

from semantest_iac.domain.errors import ProviderError
from tests.integration.sandbox_engine.programs import chain, told, topic
from tests.integration.sandbox_engine.world import Program, World


class TestOneResource:
    def test_is_created_then_left_alone(self, world: World) -> None:
        first, second = world.up(topic(name="a")), world.up(topic(name="a"))

        assert [(step.op, step.state.name) for step in first] == [("create", "topic")]
        assert [(step.op, step.state.name) for step in second] == [("same", "topic")]
        assert world.outputs() == {"arn": "arn:aws:sns:us-east-1:123456789012:a"}

    def test_is_updated_in_place(self, world: World) -> None:
        world.up(topic(name="a"))

        steps = world.up(topic(name="a", display_name="A"))

        assert told(steps) == [("update", "topic", ("displayName",))]
        assert world.state("topic").outputs["displayName"] == "A"

    def test_keeps_the_name_that_was_chosen_for_it(self, world: World) -> None:
        world.up(topic())
        name = world.state("topic").outputs["name"]

        steps = world.up(topic(display_name="A"))

        assert [step.op for step in steps] == ["update"]
        assert world.state("topic").outputs["name"] == name

    def test_is_deleted_when_the_program_lacks_it(self, world: World) -> None:
        world.up(topic())

        steps = world.up(lambda: None)

        assert [step.op for step in steps] == ["delete"]
        assert (world.remembered(), world.living()) == ([], [])


class TestReplacement:
    def test_makes_the_new_one_first_and_deletes_the_old_one_last(self, world: World) -> None:
        world.up(chain("old"))
        world.ticks.clear()

        steps = world.up(chain("new"))

        assert told(steps) == [
            ("replace", "topic", ("name",)),
            ("replace", "mail", ("topic",)),
            ("update", "alarm", ("alarmActions",)),
        ]
        done = [(tick.op, tick.name) for tick in world.ticks if tick.state == "done"]
        assert done[-2:] == [("delete", "mail"), ("delete", "topic")]
        assert world.remembered() == world.living()

    def test_is_foreseen_with_the_same_operations(self, world: World) -> None:
        world.up(chain("old"))

        foreseen, done = world.preview(chain("new")), world.up(chain("new"))

        assert told(foreseen) == told(done)

    def test_deletes_first_on_request_with_those_that_cannot_outlive_it(self, world: World) -> None:
        world.up(chain("old"))
        world.ticks.clear()

        world.up(chain("new", delete_before_replace=True))

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
        world.up(topic())
        name = world.state("topic").outputs["name"]

        steps = world.up(topic(fifo_topic=True, content_based_deduplication=True))

        assert [step.op for step in steps] == ["replace"]
        assert world.state("topic").outputs["name"] != name
        assert world.remembered() == world.living()

    def test_deletes_one_that_was_cleared_away_and_is_not_wanted_again(self, world: World) -> None:
        world.up(chain("old"))

        steps = world.up(topic(name="new", opts=pulumi.ResourceOptions(delete_before_replace=True)))

        assert told(steps)[0] == ("replace", "topic", ("name",))
        assert sorted(name for op, name, _ in told(steps) if op == "delete") == ["alarm", "mail"]
        assert world.remembered() == world.living()


class TestReplaceOnChanges:
    @pytest.mark.parametrize("path", ["*", "tags", "tags.team", 'tags["team"]'])
    def test_replaces_where_a_change_lies_on_the_path(self, world: World, path: str) -> None:
        def tagged(team: str) -> Program:
            return topic(tags={"team": team}, opts=pulumi.ResourceOptions(replace_on_changes=[path]))

        world.up(tagged("a"))

        assert [step.op for step in world.up(tagged("b"))] == ["replace"]

    def test_updates_where_it_does_not(self, world: World) -> None:
        def tagged(team: str) -> Program:
            return topic(tags={"team": team}, opts=pulumi.ResourceOptions(replace_on_changes=["tags.owner"]))

        world.up(tagged("a"))

        assert [step.op for step in world.up(tagged("b"))] == ["update"]


class TestIgnoreChanges:
    @pytest.mark.parametrize("path", ["tags", "tags.team", "tags.*", "tags[*]"])
    def test_leaves_what_lies_on_the_path(self, world: World, path: str) -> None:
        def tagged(team: str) -> Program:
            return topic(tags={"team": team}, opts=pulumi.ResourceOptions(ignore_changes=[path]))

        world.up(tagged("a"))

        assert [step.op for step in world.up(tagged("b"))] == ["same"]
        assert world.state("topic").inputs["tags"] == {"team": "a"}

    def test_keeps_one_from_going_along_with_what_is_deleted_first(self, world: World) -> None:
        def subscribed(name: str) -> Program:
            def program() -> None:
                topic = aws.sns.Topic("topic", name=name, opts=pulumi.ResourceOptions(delete_before_replace=True))
                options = pulumi.ResourceOptions(ignore_changes=["topic"])
                aws.sns.TopicSubscription("mail", topic=topic.arn, protocol="email", endpoint="a@a.org", opts=options)

            return program

        world.up(subscribed("old"))

        assert [step[:2] for step in told(world.up(subscribed("new")))] == [("replace", "topic")]

    def test_does_not_hold_when_the_resource_is_replaced(self, world: World) -> None:
        def named(name: str, team: str) -> Program:
            return topic(name=name, tags={"team": team}, opts=pulumi.ResourceOptions(ignore_changes=["tags"]))

        world.up(named("a", "x"))
        world.up(named("b", "y"))

        assert world.state("topic").outputs["tags"] == {"team": "y"}


class TestRetainOnDelete:
    def test_leaves_it_in_the_cloud_and_forgets_it(self, world: World) -> None:
        world.up(topic(opts=pulumi.ResourceOptions(retain_on_delete=True)))

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
        world.up(topic("old", name="a"))

        steps = world.up(topic("new", name="a", opts=pulumi.ResourceOptions(aliases=[alias])))

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

        world.up(topic(name="t"))

        assert [step.op for step in world.up(nested)] == ["same"]

    def test_two_resources_cannot_have_been_one(self, world: World) -> None:
        def twins() -> None:
            aws.sns.Topic("b", opts=pulumi.ResourceOptions(aliases=[pulumi.Alias(name="a")]))
            aws.sns.Topic("a")

        world.up(topic("a"))

        with pytest.raises(ProviderError, match="Duplicate resource"):
            world.up(twins)
