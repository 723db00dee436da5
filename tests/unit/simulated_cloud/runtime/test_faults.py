"""Scripted faults, on virtual time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from semantest_iac.domain.errors import ConfigurationError
from semantest_iac.infrastructure.simulated_cloud.aws.catalogue import simulated_aws
from semantest_iac.infrastructure.simulated_cloud.runtime.clock import VirtualClock
from semantest_iac.infrastructure.simulated_cloud.runtime.cloud import SimulatedCloud
from semantest_iac.infrastructure.simulated_cloud.runtime.faults import NO_FAULTS, FaultScript, load_fault_script
from semantest_iac.infrastructure.simulated_cloud.runtime.inventory import Inventory
from semantest_iac.infrastructure.simulated_cloud.schema.refusals import CloudRefusal

TOPIC = "aws:sns/topic:Topic"


def cloud_with(*script: dict[str, Any], clock: VirtualClock | None = None) -> SimulatedCloud:
    return simulated_aws(Inventory(":memory:"), region="us-east-1", faults=FaultScript.from_data(script), clock=clock)


class TestFaultScript:
    def test_throttle_before_the_operation(self) -> None:
        cloud = cloud_with({"effect": "throttle", "retry_after": 5})

        with pytest.raises(CloudRefusal) as caught:
            cloud.create(TOPIC, {"name": "a"}, owner="urn:a")

        assert (caught.value.status, caught.value.retryable, caught.value.retry_after) == (429, True, 5)
        assert cloud.list_resources() == []

    def test_apply_to_the_call_with_their_number(self) -> None:
        cloud = cloud_with({"effect": "throttle", "type": "aws:sns/*", "call": 2})
        cloud.create(TOPIC, {"name": "a"}, owner="urn:a")

        with pytest.raises(CloudRefusal):
            cloud.create(TOPIC, {"name": "b"}, owner="urn:b")

        assert cloud.create(TOPIC, {"name": "b"}, owner="urn:b").outputs["name"] == "b"

    @pytest.mark.parametrize(
        "elsewhere",
        [{"type": "aws:ec2/*"}, {"name": "other"}, {"operation": "delete"}],
        ids=["type", "name", "operation"],
    )
    def test_do_not_apply_to_other_calls(self, elsewhere: dict[str, str]) -> None:
        cloud = cloud_with({"effect": "refuse", **elsewhere})

        assert cloud.create(TOPIC, {"name": "a"}, owner="urn:a").outputs["name"] == "a"

    def test_match_a_resource_by_name_or_owner(self) -> None:
        for name in ("a", "urn:*"):
            with pytest.raises(CloudRefusal):
                cloud_with({"effect": "refuse", "name": name}).create(TOPIC, {"name": "a"}, owner="urn:x")

    def test_refuse_with_code_and_message_of_the_script(self) -> None:
        cloud = cloud_with({"effect": "refuse", "code": "LimitExceeded", "message": "Too many.", "status": 402})

        with pytest.raises(CloudRefusal) as caught:
            cloud.create(TOPIC, {"name": "a"}, owner="urn:a")

        assert (caught.value.code, caught.value.message, caught.value.status) == ("LimitExceeded", "Too many.", 402)

    def test_create_a_resource_and_time_out(self) -> None:
        cloud = cloud_with({"effect": "created_but_timeout", "call": 1})

        with pytest.raises(CloudRefusal) as caught:
            cloud.create(TOPIC, {"name": "a"}, owner="urn:a")

        found = cloud.find_newest_by_owner("urn:a")
        assert (caught.value.status, caught.value.created) == (504, None)
        assert found is not None
        assert found[:2] == (TOPIC, "arn:aws:sns:us-east-1:123456789012:a")

    def test_create_a_resource_in_part_and_return_it(self) -> None:
        cloud = cloud_with({"effect": "partial"})

        with pytest.raises(CloudRefusal) as caught:
            cloud.create(TOPIC, {"name": "a"}, owner="urn:a")

        assert caught.value.created is not None
        assert cloud.list_resources() == [(TOPIC, caught.value.created.id)]

    def test_advance_virtual_time(self) -> None:
        clock = VirtualClock()

        cloud_with({"effect": "slow", "seconds": 3600}, clock=clock).create(TOPIC, {"name": "a"}, owner="urn:a")

        assert clock.seconds >= 3600

    @pytest.mark.parametrize("operation", ["update", "delete", "read"])
    def test_apply_to_every_operation(self, operation: str) -> None:
        cloud = cloud_with({"effect": "throttle", "operation": operation})
        made = cloud.create(TOPIC, {"name": "a"}, owner="urn:a")
        calls: dict[str, Callable[[], object]] = {
            "update": lambda: cloud.update(TOPIC, made.id, {"name": "a"}),
            "delete": lambda: cloud.delete(TOPIC, made.id),
            "read": lambda: cloud.read(TOPIC, made.id),
        }

        with pytest.raises(CloudRefusal, match="Rate exceeded"):
            calls[operation]()

    @pytest.mark.parametrize("line", [{"effect": "explode"}, {"effect": "slow", "when": 1}], ids=["effect", "key"])
    def test_raise_for_an_invalid_script(self, line: dict[str, Any]) -> None:
        with pytest.raises((ValueError, TypeError)):
            FaultScript.from_data([line])


class TestLoadFaultScript:
    def test_returns_no_faults_without_a_file(self, tmp_path: Path) -> None:
        assert load_fault_script(tmp_path / "faults.json") is NO_FAULTS

    def test_go_on_counting_until_the_file_is_written(self, tmp_path: Path) -> None:
        file = tmp_path / "faults.json"
        file.write_text('[{"effect": "throttle", "call": 1}]')
        first = [load_fault_script(file).match_call("create", "type", ["name"]) for _ in range(2)]
        file.write_text('[{"effect": "throttle",  "call": 1}]')

        assert [len(due) for due in first] == [1, 0]
        assert len(load_fault_script(file).match_call("create", "type", ["name"])) == 1

    def test_reads_a_list_of_objects(self, tmp_path: Path) -> None:
        file = tmp_path / "faults.json"
        file.write_text('[{"effect": "refuse", "type": "aws:sns/topic:Topic"}]', encoding="utf-8")

        assert [fault.type for fault in load_fault_script(file).faults] == ["aws:sns/topic:Topic"]

    @pytest.mark.parametrize("text", ["[{", '{"effect": "slow"}', '[{"effect": "burn"}]', '[{"efect": "slow"}]', "[1]"])
    def test_raises_for_a_file_that_is_no_script(self, tmp_path: Path, text: str) -> None:
        file = tmp_path / "faults.json"
        file.write_text(text, encoding="utf-8")

        with pytest.raises(ConfigurationError) as refused:
            load_fault_script(file)

        assert (refused.value.faults[0].file, refused.value.retryable) == (str(file), False)
