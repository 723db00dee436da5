from __future__ import annotations

from pathlib import Path
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest

from semantest_iac.domain.errors import ProviderError
from tests.integration.sandbox_engine.world import World

_CANARY = "canary-7f3a9"


def _files(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def _secret_program() -> None:
    kept = aws.secretsmanager.Secret("secret", name="secret")
    version = aws.secretsmanager.SecretVersion(
        "version", secret_id=kept.id, secret_string=pulumi.Output.secret(_CANARY)
    )
    tags = {"hint": pulumi.Output.secret("a hint"), "plain": "seen"}
    topic = aws.sns.Topic("topic", name="topic", tags=tags)
    pulumi.export("hidden", version.secret_string)
    pulumi.export("tags", topic.tags)
    pulumi.export("version", version.version_id)


def _outputs(world: World, name: str) -> Any:
    return next(it for it in world.deployment()["deployment"]["resources"] if it["urn"].endswith(f"::{name}"))[
        "outputs"
    ]


class TestSecrets:
    def test_are_in_no_file_unencrypted(self, world: World, capfd: pytest.CaptureFixture[str]) -> None:
        world.up(_secret_program)
        world.up(_secret_program)

        assert _CANARY.encode() not in _files(world.folder / "sandbox")
        assert _CANARY not in "".join(capfd.readouterr())

    def test_are_not_in_the_outputs_of_the_stack(self, world: World) -> None:
        world.up(_secret_program)

        assert sorted(world.outputs()) == ["version"]

    def test_are_decrypted_by_the_next_run(self, world: World) -> None:
        world.up(_secret_program)

        assert [step.op for step in world.up(_secret_program)] == ["same", "same", "same"]

    def test_mark_only_the_secret_value_inside_an_object(self, world: World) -> None:
        world.up(_secret_program)

        tags = _outputs(world, "topic")["tags"]
        assert tags["plain"] == "seen"
        assert sorted(tags["hint"]) == ["4dabf18193072939515e22adb298388d", "ciphertext"]

    def test_are_not_searched_under_other_names_as_in_pulumi(self, world: World) -> None:
        world.up(_secret_program)

        assert _outputs(world, "topic")["tagsAll"] == {"hint": "a hint", "plain": "seen"}

    def test_can_be_declared_by_additional_secret_outputs(self, world: World) -> None:
        options = pulumi.ResourceOptions(additional_secret_outputs=["arn"])
        world.up(lambda: pulumi.export("arn", aws.sns.Topic("topic", opts=options).arn))

        assert world.outputs() == {}

    def test_are_not_in_the_error_of_a_refusal(self, world: World) -> None:
        def program() -> None:
            aws.sns.Topic("topic", name=pulumi.Output.secret(f"{_CANARY} with blanks"))

        with pytest.raises(ProviderError) as refusal:
            world.up(program)

        assert _CANARY not in f"{refusal.value}{refusal.value.hint}{refusal.value.__cause__}"
