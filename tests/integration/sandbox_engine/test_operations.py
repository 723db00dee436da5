"""The operations of a changed program and their order, as in Pulumi's own engine."""

from __future__ import annotations

import pulumi
import pulumi_aws as aws
import pytest

from semantest_iac.domain.errors import ProviderError
from tests.integration.sandbox_engine.programs import chain, changes_of, topic
from tests.integration.sandbox_engine.world import Program, World


class TestOneResource:
    def test_is_created_once(self, world: World) -> None:
        first, second = world.up(topic(name="a")), world.up(topic(name="a"))

        assert [(step.op, step.state.name) for step in first] == [("create", "topic")]
        assert [(step.op, step.state.name) for step in second] == [("same", "topic")]
        assert world.outputs() == {"arn": "arn:aws:sns:us-east-1:123456789012:a"}

    def test_is_updated_in_place(self, world: World) -> None:
        world.up(topic(name="a"))

        steps = world.up(topic(name="a", display_name="A"))

        assert changes_of(steps) == [("update", "topic", ("displayName",))]
        assert world.state("topic").outputs["displayName"] == "A"

    def test_keeps_its_generated_name(self, world: World) -> None:
        world.up(topic())
        name = world.state("topic").outputs["name"]

        steps = world.up(topic(display_name="A"))

        assert [step.op for step in steps] == ["update"]
        assert world.state("topic").outputs["name"] == name

    def test_is_deleted_when_the_program_no_longer_contains_it(self, world: World) -> None:
        world.up(topic())

        steps = world.up(lambda: None)

        assert [step.op for step in steps] == ["delete"]
        assert (world.in_state(), world.in_cloud()) == ([], [])


class TestReplacement:
    def test_creates_the_new_resource_first_and_deletes_the_old_one_last(self, world: World) -> None:
        world.up(chain("old"))
        world.progress.clear()

        steps = world.up(chain("new"))

        assert changes_of(steps) == [
            ("replace", "topic", ("name",)),
            ("replace", "mail", ("topic",)),
            ("update", "alarm", ("alarmActions",)),
        ]
        done = [(update.op, update.name) for update in world.progress if update.state == "done"]
        assert done[-2:] == [("delete", "mail"), ("delete", "topic")]
        assert world.in_state() == world.in_cloud()

    def test_is_previewed_with_the_same_operations(self, world: World) -> None:
        world.up(chain("old"))

        planned, done = world.preview(chain("new")), world.up(chain("new"))

        assert changes_of(planned) == changes_of(done)

    def test_deletes_first_on_request_together_with_its_dependents(self, world: World) -> None:
        world.up(chain("old"))
        world.progress.clear()

        world.up(chain("new", delete_before_replace=True))

        done = [(update.op, update.name) for update in world.progress if update.state == "done"]
        assert done == [
            ("delete", "mail"),
            ("delete", "topic"),
            ("replace", "topic"),
            ("replace", "mail"),
            ("update", "alarm"),
        ]
        assert world.in_state() == world.in_cloud()

    def test_deletes_first_if_the_name_is_fixed(self, world: World) -> None:
        def role(path: str) -> Program:
            return lambda: aws.iam.Role("role", name="role", path=path, assume_role_policy="{}")

        world.up(role("/a/"))
        world.progress.clear()

        world.up(role("/b/"))

        assert [update.op for update in world.progress if update.state == "done"] == ["delete", "replace"]

    def test_generates_a_new_name_if_none_was_given(self, world: World) -> None:
        world.up(topic())
        name = world.state("topic").outputs["name"]

        steps = world.up(topic(fifo_topic=True, content_based_deduplication=True))

        assert [step.op for step in steps] == ["replace"]
        assert world.state("topic").outputs["name"] != name
        assert world.in_state() == world.in_cloud()

    def test_deletes_a_dependent_that_is_no_longer_wanted(self, world: World) -> None:
        world.up(chain("old"))

        steps = world.up(topic(name="new", opts=pulumi.ResourceOptions(delete_before_replace=True)))

        assert changes_of(steps)[0] == ("replace", "topic", ("name",))
        assert sorted(name for op, name, _ in changes_of(steps) if op == "delete") == ["alarm", "mail"]
        assert world.in_state() == world.in_cloud()


class TestReplaceOnChanges:
    @pytest.mark.parametrize("path", ["*", "tags", "tags.team", 'tags["team"]'])
    def test_replaces_if_the_change_is_at_the_path(self, world: World, path: str) -> None:
        def tagged(team: str) -> Program:
            return topic(tags={"team": team}, opts=pulumi.ResourceOptions(replace_on_changes=[path]))

        world.up(tagged("a"))

        assert [step.op for step in world.up(tagged("b"))] == ["replace"]

    def test_updates_otherwise(self, world: World) -> None:
        def tagged(team: str) -> Program:
            return topic(tags={"team": team}, opts=pulumi.ResourceOptions(replace_on_changes=["tags.owner"]))

        world.up(tagged("a"))

        assert [step.op for step in world.up(tagged("b"))] == ["update"]


class TestIgnoreChanges:
    @pytest.mark.parametrize("path", ["tags", "tags.team", "tags.*", "tags[*]"])
    def test_keeps_the_value_at_the_path(self, world: World, path: str) -> None:
        def tagged(team: str) -> Program:
            return topic(tags={"team": team}, opts=pulumi.ResourceOptions(ignore_changes=[path]))

        world.up(tagged("a"))

        assert [step.op for step in world.up(tagged("b"))] == ["same"]
        assert world.state("topic").inputs["tags"] == {"team": "a"}

    def test_prevents_the_replacement_of_a_dependent(self, world: World) -> None:
        def subscribed(name: str) -> Program:
            def program() -> None:
                topic = aws.sns.Topic("topic", name=name, opts=pulumi.ResourceOptions(delete_before_replace=True))
                options = pulumi.ResourceOptions(ignore_changes=["topic"])
                aws.sns.TopicSubscription("mail", topic=topic.arn, protocol="email", endpoint="a@a.org", opts=options)

            return program

        world.up(subscribed("old"))

        assert [step[:2] for step in changes_of(world.up(subscribed("new")))] == [("replace", "topic")]

    def test_has_no_effect_if_the_resource_is_replaced(self, world: World) -> None:
        def named(name: str, team: str) -> Program:
            return topic(name=name, tags={"team": team}, opts=pulumi.ResourceOptions(ignore_changes=["tags"]))

        world.up(named("a", "x"))
        world.up(named("b", "y"))

        assert world.state("topic").outputs["tags"] == {"team": "y"}


class TestRetainOnDelete:
    def test_keeps_it_in_the_cloud_and_removes_it_from_the_state(self, world: World) -> None:
        world.up(topic(opts=pulumi.ResourceOptions(retain_on_delete=True)))

        world.destroy()

        assert world.in_state() == []
        assert len(world.in_cloud()) == 1


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

    def test_two_resources_cannot_continue_the_same_one(self, world: World) -> None:
        def program() -> None:
            aws.sns.Topic("b", opts=pulumi.ResourceOptions(aliases=[pulumi.Alias(name="a")]))
            aws.sns.Topic("a")

        world.up(topic("a"))

        with pytest.raises(ProviderError, match="Duplicate resource"):
            world.up(program)
