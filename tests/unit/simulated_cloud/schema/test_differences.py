"""What counts as a change, whether it replaces the resource, and how its path is written."""

from __future__ import annotations

import json
from typing import Any

import pytest

from semantest_iac.infrastructure.simulated_cloud.aws.catalogue import AWS_TYPES
from semantest_iac.infrastructure.simulated_cloud.schema.differences import ResourceDiff, compute_diff
from semantest_iac.infrastructure.simulated_cloud.schema.values import UNKNOWN

FUNCTION = AWS_TYPES["aws:lambda/function:Function"]
ALARM = AWS_TYPES["aws:cloudwatch/metricAlarm:MetricAlarm"]
ROLE = AWS_TYPES["aws:iam/role:Role"]
BASE = {"name": "api", "role": "arn:role", "runtime": "nodejs24.x", "handler": "i.h", "code": {"hash": "a"}}


def function_diff(old: dict[str, Any], new: dict[str, Any], reported: dict[str, Any] | None = None) -> ResourceDiff:
    """Compare two functions that share BASE."""
    before = {**BASE, **old}
    return compute_diff(FUNCTION, before, reported or before, {**BASE, **new})


class TestComputeDiff:
    @pytest.mark.parametrize(
        ("old", "new", "path", "kind"),
        [
            ({}, {"timeout": 10}, "timeout", "update"),
            ({}, {"description": "x"}, "description", "add"),
            ({"description": "x"}, {}, "description", "delete"),
            ({}, {"packageType": "Image"}, "packageType", "update-replace"),
            ({}, {"tenancyConfig": {"tenantIsolationMode": "PER_TENANT"}}, "tenancyConfig", "add-replace"),
            (
                {"environment": {"variables": {"A": "1"}}},
                {"environment": {"variables": {"A": "2"}}},
                "environment.variables.A",
                "update",
            ),
            ({"tags": {"a.b": "1"}}, {"tags": {"a.b": "2"}}, 'tags["a.b"]', "update"),
            ({"layers": ["x", "y"]}, {"layers": ["x", "z"]}, "layers[1]", "update"),
            ({"layers": ["x"]}, {"layers": ["x", "z"]}, "layers", "update"),
            ({"layers": ["x", "y"]}, {"layers": ["y", "x"]}, "layers[0]", "update"),
            ({"code": {"hash": "a"}}, {"code": {"hash": "b"}}, "code", "update"),
            ({"tags": {"a": "1"}}, {"tags": {}}, "tags", "delete"),
        ],
    )
    def test_names_path_and_kind(self, old: dict[str, Any], new: dict[str, Any], path: str, kind: str) -> None:
        assert function_diff(old, new).detailed[path] == kind

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ({"timeout": 3}, {}),
            ({}, {"timeout": 3.0}),
            ({"description": ""}, {}),
            ({"publish": False}, {}),
            ({"tags": {}}, {}),
            ({"code": {"hash": "a", "path": "x"}}, {"code": {"hash": "a", "path": "y"}}),
            ({"architectures": ["arm64"]}, {}),
            (
                {"vpcConfig": {"subnetIds": ["a", "b"], "securityGroupIds": []}},
                {"vpcConfig": {"subnetIds": ["b", "a"], "securityGroupIds": []}},
            ),
        ],
        ids=[
            *("default removed", "default as float", "empty text", "false flag", "empty map"),
            *("same archive elsewhere", "chosen by the cloud", "order of a set"),
        ],
    )
    def test_is_empty_for_equal_values(self, old: dict[str, Any], new: dict[str, Any]) -> None:
        assert function_diff(old, new).changed == ()

    def test_ignores_what_the_cloud_chose(self) -> None:
        reported = {**BASE, "architectures": ["x86_64"], "arn": "arn:x", "vpcConfig": {"vpcId": "vpc-1"}}

        assert function_diff({}, {}, reported).changed == ()

    def test_shows_drift_of_a_given_input(self) -> None:
        found = function_diff({"timeout": 10}, {"timeout": 10}, {**BASE, "timeout": 20})

        assert found.changed == ("timeout",)

    def test_compares_policies_as_json(self) -> None:
        spaced, dense = json.dumps({"a": [1], "b": 2}, indent=2), '{"b":2,"a":[1]}'

        found = compute_diff(
            ROLE, {"assumeRolePolicy": spaced}, {"assumeRolePolicy": spaced}, {"assumeRolePolicy": dense}
        )

        assert found.changed == ()

    def test_compares_blocks_in_a_set_without_order(self) -> None:
        one, two = {"id": "a", "period": 60}, {"id": "b", "period": 60}

        found = compute_diff(ALARM, {"metricQueries": [one, two]}, {}, {"metricQueries": [two, one]})

        assert found.changed == ()

    def test_reports_an_unknown_value_as_a_change(self) -> None:
        assert function_diff({"timeout": 3}, {"timeout": UNKNOWN}).detailed == {"timeout": "update"}

    def test_replaces_for_an_unknown_value_of_a_force_new_input(self) -> None:
        assert function_diff({}, {"name": UNKNOWN}).replaces == ("name",)

    def test_finds_the_unknown_entry_of_a_map(self) -> None:
        old = {"environment": {"variables": {"A": "1", "B": "2"}}}
        new = {"environment": {"variables": {"A": "1", "B": UNKNOWN}}}

        assert function_diff(old, new).detailed == {"environment.variables.B": "update"}

    def test_is_sorted(self) -> None:
        assert function_diff({}, {"timeout": 9, "description": "x"}).changed == ("description", "timeout")


class TestDeleteBeforeReplace:
    def test_is_needed_when_a_given_name_stays(self) -> None:
        assert function_diff({}, {"packageType": "Image"}).delete_before_replace

    def test_is_not_needed_when_the_name_changes(self) -> None:
        assert not function_diff({}, {"name": "other"}).delete_before_replace

    def test_is_not_needed_for_a_generated_name(self) -> None:
        found = function_diff({"__defaults": ["name"]}, {"packageType": "Image", "__defaults": ["name"]})

        assert found.replaces == ("packageType",)
        assert not found.delete_before_replace

    def test_is_not_needed_without_a_replacement(self) -> None:
        assert not function_diff({}, {"timeout": 10}).delete_before_replace
