"""The outputs of a preview, with UNKNOWN for those that only an apply can compute."""

from __future__ import annotations

from typing import Any

import pytest

from semantest_iac.infrastructure.simulated_cloud.runtime.cloud import SimulatedCloud
from semantest_iac.infrastructure.simulated_cloud.schema.refusals import CreatedResource
from semantest_iac.infrastructure.simulated_cloud.schema.values import UNKNOWN

FUNCTION = "aws:lambda/function:Function"


class TestPreviewCreate:
    def test_knows_inputs_defaults_region_and_tags(self, cloud: SimulatedCloud) -> None:
        previewed = cloud.preview_create(FUNCTION, {"name": "api", "role": UNKNOWN, "tags": {"a": "b"}})

        assert previewed["memorySize"] == 128
        assert previewed["region"] == "us-east-1"
        assert previewed["tagsAll"] == {"a": "b"}
        assert previewed["role"] is UNKNOWN

    @pytest.mark.parametrize("output", ["arn", "version", "invokeArn", "lastModified", "architectures"])
    def test_does_not_know_computed_outputs(self, output: str, cloud: SimulatedCloud) -> None:
        assert cloud.preview_create(FUNCTION, {"name": "api", "role": "arn"})[output] is UNKNOWN

    def test_does_not_know_a_name_from_a_prefix(self, cloud: SimulatedCloud) -> None:
        assert cloud.preview_create("aws:sns/topic:Topic", {"namePrefix": "a"})["name"] is UNKNOWN

    def test_creates_nothing(self, cloud: SimulatedCloud) -> None:
        cloud.preview_create("aws:sns/topic:Topic", {"name": "alarms"})

        assert cloud.list_resources() == []


class TestPreviewUpdate:
    @pytest.mark.parametrize(
        "changes",
        [{"memorySize": 1024}, {"environment": {"variables": {"STAGE": UNKNOWN}}}, {"code": {"hash": "b" * 64}}],
        ids=["memory", "unknown environment", "code"],
    )
    def test_does_not_know_the_next_version(
        self, changes: dict[str, Any], cloud: SimulatedCloud, world: dict[str, CreatedResource], samples: Any
    ) -> None:
        previewed = cloud.preview_update(FUNCTION, world[FUNCTION].outputs, {**samples[FUNCTION](world), **changes})

        assert previewed["version"] is UNKNOWN
        assert previewed["qualifiedArn"] is UNKNOWN
        assert previewed["arn"] == world[FUNCTION].outputs["arn"]

    def test_knows_that_tags_do_not_publish_a_version(
        self, cloud: SimulatedCloud, world: dict[str, CreatedResource], samples: Any
    ) -> None:
        previewed = cloud.preview_update(
            FUNCTION, world[FUNCTION].outputs, {**samples[FUNCTION](world), "tags": {"a": "b"}}
        )

        assert previewed["version"] == "1"
        assert previewed["tagsAll"] == {"a": "b"}

    def test_agrees_with_the_update_that_follows(
        self, cloud: SimulatedCloud, world: dict[str, CreatedResource], samples: Any
    ) -> None:
        inputs = {**samples[FUNCTION](world), "memorySize": 1024}

        previewed = cloud.preview_update(FUNCTION, world[FUNCTION].outputs, inputs)
        updated = cloud.update(FUNCTION, "api", inputs)

        known = {name: value for name, value in previewed.items() if value is not UNKNOWN}
        assert known.items() <= updated.items()
