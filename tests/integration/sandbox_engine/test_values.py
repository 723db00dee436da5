from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest

from semantest_iac.domain.errors import ProviderError
from tests.integration.sandbox_engine.world import Program, World


class TestUnknowns:
    def test_stay_unknown_in_a_preview(self, world: World) -> None:
        seen: list[Any] = []

        def program() -> None:
            topic = aws.sns.Topic("topic", name="topic")
            topic.id.apply(seen.append)
            aws.sns.TopicSubscription("mail", topic=topic.arn, protocol="email", endpoint="a@example.org")

        steps = world.preview(program)

        assert [step.op for step in steps] == ["create", "create"]
        assert seen == []
        assert (world.in_state(), world.in_cloud()) == ([], [])


class TestExternalResources:
    @pytest.fixture
    def topic(self, world: World) -> str:
        """The ARN of a topic that no stack has created."""
        return world.cloud().create("aws:sns/topic:Topic", {"name": "external"}, owner="them").id

    def test_are_read_and_never_deleted(self, world: World, topic: str) -> None:
        steps = world.up(lambda: pulumi.export("name", aws.sns.Topic.get("topic", topic).name))
        world.destroy()

        assert (steps, world.progress) == ([], [])
        assert world.in_cloud() == [("aws:sns/topic:Topic", topic)]

    def test_are_read_in_a_preview_too(self, world: World, topic: str) -> None:
        seen: list[Any] = []

        world.preview(lambda: aws.sns.Topic.get("topic", topic).name.apply(seen.append))

        assert seen == ["external"]

    def test_must_exist(self, world: World) -> None:
        arn = "arn:aws:sns:us-east-1:123456789012:none"

        with pytest.raises(ProviderError, match=f"there is no aws:sns/topic:Topic with the id '{arn}'"):
            world.up(lambda: aws.sns.Topic.get("topic", arn))

    def test_replace_a_managed_resource_which_is_deleted(self, world: World, topic: str) -> None:
        world.up(lambda: aws.sns.Topic("topic", name="ours"))

        world.up(lambda: aws.sns.Topic.get("topic", topic))

        assert world.in_cloud() == [("aws:sns/topic:Topic", topic)]
        assert world.in_state() == []

    def test_can_be_replaced_by_a_managed_resource_and_are_kept(self, world: World, topic: str) -> None:
        world.up(lambda: aws.sns.Topic.get("topic", topic))

        steps = world.up(lambda: aws.sns.Topic("topic", name="ours"))

        assert [step.op for step in steps] == ["replace"]
        assert [id_.rpartition(":")[2] for _, id_ in world.in_cloud()] == ["external", "ours"]

    def test_are_kept_if_they_were_managed_before(self, world: World) -> None:
        world.up(lambda: aws.sns.Topic("topic", name="ours"))
        arn = world.state("topic").id

        world.up(lambda: aws.sns.Topic.get("topic", arn))
        world.destroy()

        assert world.in_cloud() == [("aws:sns/topic:Topic", arn)]


class TestInvokes:
    def test_use_the_region_of_the_stack(self, world: World) -> None:
        world.up(lambda: pulumi.export("zones", aws.get_availability_zones(state="available").names))

        assert world.outputs()["zones"][0] == "us-east-1a"

    @pytest.mark.parametrize(
        ("filters", "names"),
        [
            ([{"name": "opt-in-status", "values": ["opt-in-not-required"]}], ["us-east-1a", "us-east-1b"]),
            ([{"name": "zone-type", "values": ["local-zone", "availability-zone"]}], ["us-east-1a", "us-east-1b"]),
            ([{"name": "zone-type", "values": ["local-zone"]}], []),
        ],
        ids=["opt-in", "kinds", "local zones"],
    )
    def test_filter_zones(self, world: World, filters: list[dict[str, object]], names: list[str]) -> None:
        world.up(lambda: pulumi.export("zones", aws.get_availability_zones(filters=filters).names))

        assert world.outputs()["zones"][:2] == names

    def test_use_a_provider_in_the_state(self, world: World) -> None:
        world.up(lambda: pulumi.export("account", aws.get_caller_identity().account_id))

        resources = world.deployment()["deployment"]["resources"]
        assert {each["type"] for each in resources} == {"pulumi:pulumi:Stack", "pulumi:providers:aws"}

    def test_that_are_refused_raise_in_the_program(self, world: World) -> None:
        def program() -> None:
            try:
                pulumi.runtime.invoke("aws:none/none:none", {})
            except Exception as error:
                pulumi.export("error", str(error))

        world.up(program)

        assert "does not answer aws:none/none:none" in world.outputs()["error"]


class TestProviders:
    def test_are_created_by_default_for_each_package_and_version(self, world: World) -> None:
        world.up(lambda: [aws.sns.Topic(name) for name in "ab"])

        resources = world.deployment()["deployment"]["resources"]
        [provider] = [each for each in resources if each["type"] == "pulumi:providers:aws"]
        assert provider["urn"].rpartition("::")[2].startswith("default_7_")

    def test_determine_the_region(self, world: World) -> None:
        def program() -> None:
            west = aws.Provider("west", region="eu-west-1")
            aws.sns.Topic("topic", name="topic", opts=pulumi.ResourceOptions(provider=west))

        world.up(program)

        assert world.state("topic").id == "arn:aws:sns:eu-west-1:123456789012:topic"

    def test_that_moved_replace_their_resources(self, world: World) -> None:
        def placed(region: str) -> Program:
            def program() -> None:
                provider = aws.Provider("aws", region=region)
                aws.sns.Topic("topic", name="topic", opts=pulumi.ResourceOptions(provider=provider))

            return program

        world.up(placed("eu-west-1"))
        planned, done = world.preview(placed("us-west-2")), world.up(placed("us-west-2"))

        assert [(step.op, step.why) for step in done] == [("replace", ("provider",))]
        assert [(step.op, step.why) for step in planned] == [("replace", ("provider",))]
        assert world.in_state() == world.in_cloud()
        assert world.state("topic").id == "arn:aws:sns:us-west-2:123456789012:topic"

    def test_renamed_in_the_same_region_change_nothing(self, world: World) -> None:
        def placed(name: str) -> Program:
            def program() -> None:
                provider = aws.Provider(name, region="eu-west-1")
                aws.sns.Topic("topic", name="topic", opts=pulumi.ResourceOptions(provider=provider))

            return program

        world.up(placed("one"))

        assert [step.op for step in world.up(placed("two"))] == ["same"]
        assert world.in_state() == world.in_cloud()


class TestComponents:
    def test_keep_the_outputs_that_the_program_registers(self, world: World) -> None:
        def program() -> None:
            group = pulumi.ComponentResource("my:kind:Group", "group")
            topic = aws.sns.Topic("topic", name="t", opts=pulumi.ResourceOptions(parent=group))
            group.register_outputs({"arn": topic.arn})

        world.up(program)

        [group] = [r for r in world.deployment()["deployment"]["resources"] if r["type"] == "my:kind:Group"]
        assert group["outputs"] == {"arn": "arn:aws:sns:us-east-1:123456789012:t"}


def _deploy_code(path: Path) -> Program:
    def program() -> None:
        lambda_ = {"Service": "lambda.amazonaws.com"}
        trust = {"Statement": [{"Effect": "Allow", "Principal": lambda_, "Action": "sts:AssumeRole"}]}
        role = aws.iam.Role("role", name="role", assume_role_policy=json.dumps(trust))
        code = pulumi.FileArchive(str(path))
        aws.lambda_.Function("f", name="f", role=role.arn, runtime="python3.13", handler="a.b", code=code)

    return program


class TestPackages:
    def test_are_equal_at_any_path(self, world: World, tmp_path: Path) -> None:
        here, there, other = (tmp_path / name for name in ("here.zip", "there.zip", "other.zip"))
        here.write_bytes(b"one")
        there.write_bytes(b"one")
        other.write_bytes(b"two")
        world.up(_deploy_code(here))

        assert [step.op for step in world.up(_deploy_code(there))] == ["same", "same"]
        assert [(step.op, step.why) for step in world.up(_deploy_code(other))][1] == ("update", ("code",))

    def test_may_be_folders_of_which_every_name_and_file_counts(self, world: World, tmp_path: Path) -> None:
        for folder, name, content in (
            ("here", "a", "1"),
            ("there", "a", "1"),
            ("named", "b", "1"),
            ("other", "b", "2"),
        ):
            (tmp_path / folder / "inner").mkdir(parents=True)
            (tmp_path / folder / "inner" / name).write_text(content)
        world.up(_deploy_code(tmp_path / "here"))

        changes = [world.up(_deploy_code(tmp_path / folder))[1].op for folder in ("there", "named", "other")]
        assert changes == ["same", "update", "update"]

    def test_must_be_local_files(self, world: World) -> None:
        def program() -> None:
            aws.s3.BucketObjectv2("o", bucket="b", key="k", source=pulumi.RemoteAsset("https://example.org/a"))

        with pytest.raises(ProviderError, match="takes assets and archives only from files on this machine"):
            world.up(program)


def _hooked() -> pulumi.ResourceOptions:
    hook = pulumi.ResourceHook("hook", lambda args: None)
    return pulumi.ResourceOptions(hooks=pulumi.ResourceHookBinding(before_create=[hook]))


class TestUnsupported:
    @pytest.mark.parametrize(
        ("name", "options"),
        [
            ("import_", lambda: pulumi.ResourceOptions(import_="arn:aws:sns:us-east-1:123456789012:t")),
            ("transforms", lambda: pulumi.ResourceOptions(transforms=[lambda args: None])),
            ("deleted_with", lambda: pulumi.ResourceOptions(deleted_with=aws.sns.Topic("first"))),
            ("replace_with", lambda: pulumi.ResourceOptions(replace_with=[aws.sns.Topic("first")])),
            ("hide_diffs", lambda: pulumi.ResourceOptions(hide_diffs=["tags"])),
            ("replacement_trigger", lambda: pulumi.ResourceOptions(replacement_trigger="1")),
            ("RegisterResourceHook", _hooked),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    def test_option_is_refused_by_name(self, world: World, name: str, options: Any) -> None:
        with pytest.raises((ProviderError, Exception), match=f"does not support {name}"):
            world.up(lambda: aws.sns.Topic("topic", opts=options()))

    def test_cloud_is_refused(self, world: World) -> None:
        class Bucket(pulumi.CustomResource):
            """A resource of a package that is not simulated."""

            def __init__(self) -> None:
                super().__init__("gcp:storage/bucket:Bucket", "bucket", {})

        with pytest.raises(ProviderError, match="does not simulate the cloud of 'gcp'"):
            world.up(lambda: Bucket())

    def test_type_is_refused(self, world: World) -> None:
        with pytest.raises(ProviderError, match="no rules for aws:lightsail/instance:Instance"):
            world.up(
                lambda: aws.lightsail.Instance("i", availability_zone="us-east-1a", blueprint_id="b", bundle_id="b")
            )
